"""Trainer `pocket`, and the parts that the trainer uses: architecture, tokenizer, row packing and model card."""

from toolmark.trainers.pocket.trainer import PocketOptions, PocketTrainer

__all__ = ["PocketOptions", "PocketTrainer"]
