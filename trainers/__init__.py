"""Trainers make candidates from trace datasets. A trainer reads a folder of conversations and writes model weights.

The weights are an adapter or a whole model. The folder of conversations is written by `toolmark generate`. Training and
evaluation both use `benchmark.engine.encoding`, so both work on the same token ids. The training record `toolmark.json`
is written to the folder of the weights.
"""
