"""Trainer `pocket`: trains the embedded model from scratch."""

from toolmark.trainers.pocket.trainer import PocketOptions, PocketTrainer

__all__ = ["PocketOptions", "PocketTrainer"]
