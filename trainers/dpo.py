"""Trainer `dpo`: trains an adapter to prefer its right answers to its wrong answers.

Toolmark samples several answers to each question of the data, and grades them. A right answer and a wrong answer to the
same question are a pair. If no answer is right, the gold answer of the data is the right answer of the pair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.plugins.protocols import BaseTrainer, Trained, Training
from toolmark.trainers.own_answers.options import DpoOptions

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DpoTrainer"]


class DpoTrainer(BaseTrainer):
    """Trains an adapter on pairs of its own right and wrong answers."""

    name = "dpo"
    Options: type[BaseModel] = DpoOptions
    needs_adapter = True
    changeable = ("choose",)

    def train(
        self, base: Candidate | None, data: TraceDataset, out: Path, options: DpoOptions, ctx: Training
    ) -> Trained:
        """Train, and write the files of the adapter to `out`. The pairs are written to `pairs.jsonl` in `out`.

        Raises:
            InputError: An option does not fit, no sampled answer is wrong, or the loss became NaN or infinite.
            EnvironmentFault: The disk is full, or a package is missing.
        """
        from toolmark.trainers.own_answers.preference_training import train_on_pairs  # imports torch and trl

        return train_on_pairs(base, data, out, options, ctx)
