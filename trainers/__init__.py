"""Trainers make candidates from trace datasets: they read a folder of conversations and write a model or an adapter.

Every trainer reads the folder that `toolmark generate` writes, encodes it with `benchmark.engine.encoding` (which gives
the same token ids as evaluation) and leaves a `toolmark.json` beside its weights.
"""
