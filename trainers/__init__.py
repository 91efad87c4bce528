"""Trainers make candidates from trace datasets: a folder of conversations goes in, a model or an adapter comes out.

Every trainer reads the folder that `toolmark generate` writes, encodes it with `benchmark.engine.encoding` (the same
ids that evaluation sees) and leaves a `toolmark.json` beside its weights.
"""
