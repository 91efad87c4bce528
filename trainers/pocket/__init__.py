"""Trainer `pocket`: trains the embedded model. The other modules are its architecture, tokenizer, rows and card."""

from toolmark.trainers.pocket.trainer import PocketOptions, PocketTrainer

__all__ = ["PocketOptions", "PocketTrainer"]
