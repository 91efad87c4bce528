"""Trainer `lora`: trains a LoRA adapter with TRL's SFT trainer and PEFT. With `--full`, all weights are trained.

There are three differences to TRL alone:

- The loss is computed only on the tokens that the model writes.
- If several conversations begin with the same tokens, these tokens are computed only once.
- The checkpoint is chosen by its score on dev cases, not by its loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.plugins.protocols import BaseTrainer, Trained, Training
from toolmark.trainers.finetuning.options import LoraOptions

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LoraTrainer"]


class LoraTrainer(BaseTrainer):
    """Trains a LoRA adapter on a base model."""

    name = "lora"
    Options: type[BaseModel] = LoraOptions
    several_processes = True
    changeable = ("choose",)

    def train(
        self,
        base: Candidate | None,
        data: TraceDataset,  # noqa: ARG002 - the context contains the encoded examples
        out: Path,
        options: LoraOptions,
        ctx: Training,
    ) -> Trained:
        """Train, and write the files of the adapter to `out`. With `--full`, write the files of a whole model.

        Raises:
            InputError: An option does not fit the machine or the data, or the loss became NaN or infinite.
            EnvironmentFault: The disk is full, or a package is missing.
        """
        from toolmark.trainers.finetuning.finetune import finetune  # imports torch, transformers, peft and trl

        return finetune(base, out, options, ctx)
