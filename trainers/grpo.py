"""Trainer `grpo`: trains an adapter on the rewards of its own answers.

In each step, Toolmark samples several answers to some questions of the data, and grades them. The grade decides the
reward of an answer. The adapter learns to write answers that get more reward than other answers to the same question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.plugins.protocols import BaseTrainer, Trained, Training
from toolmark.trainers.own_answers.options import GrpoOptions

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["GrpoTrainer"]


class GrpoTrainer(BaseTrainer):
    """Trains an adapter on the rewards of its own answers."""

    name = "grpo"
    Options: type[BaseModel] = GrpoOptions
    needs_adapter = True
    changeable = ("choose",)

    def train(
        self, base: Candidate | None, data: TraceDataset, out: Path, options: GrpoOptions, ctx: Training
    ) -> Trained:
        """Train, and write the files of the adapter to `out`.

        Raises:
            InputError: An option does not fit, or the loss became NaN or infinite.
            EnvironmentFault: The disk is full, or a package is missing.
        """
        from toolmark.trainers.own_answers.reward_training import train_on_rewards  # imports torch and trl

        return train_on_rewards(base, data, out, options, ctx)
