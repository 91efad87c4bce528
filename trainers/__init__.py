"""Trainers make candidates from trace datasets. A trainer reads a folder of conversations and writes model weights.

The weights are an adapter or a whole model. Every trainer reads the folder that `toolmark generate` writes. The
conversations are encoded with `benchmark.engine.encoding`, which gives the same token ids as evaluation. A
`toolmark.json` is written to the folder of the weights.
"""
