"""Trainer `pocket`, and the parts of the embedded model: architecture, tokenizer, row packing, model card."""

from toolmark.trainers.pocket.trainer import PocketOptions, PocketTrainer

__all__ = ["PocketOptions", "PocketTrainer"]
