"""Trains on encoded examples with TRL's SFT trainer, but with Toolmark's batches and loss.

Optimizer, schedule, checkpoints and resuming come from TRL. The loss of an optimizer step is the weighted mean over all
supervised tokens of the step. So the number of batches in a step does not change the loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils.data import SequentialSampler
from trl.trainer.sft_trainer import SFTTrainer

from toolmark.trainers.finetuning.batch_layout import Batch, batch_loss

__all__ = ["ExampleTrainer"]


class ExampleTrainer(SFTTrainer):
    """Trains on encoded examples, in the order of the dataset.

    `state.num_input_tokens_seen` is the number of tokens that the training has read so far.

    Args:
        options: The arguments of `SFTTrainer`. The collator makes a batch from consecutive rows of the dataset.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.model_accepts_loss_kwargs = True  # the loss is divided by the weight of the whole step, not of each batch

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        data: Any = self.train_dataset if train_dataset is None else train_dataset
        return SequentialSampler(data)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Batch], Any]:
        """Return the batches of one optimizer step, and the sum of all loss weights in these batches."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        return batches, sum(batch["weights"].sum() for batch in batches)

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, Any],
        return_outputs: bool = False,  # noqa: ARG002 - parameter of the overridden method
        num_items_in_batch: Any = None,
    ) -> torch.Tensor:
        """Return the weighted sum of the losses of a batch, divided by the weights of the whole optimizer step.

        In evaluation, the sum is divided by the weights of the batch.
        """
        if model.training:
            self.state.num_input_tokens_seen += inputs["tokens"]
        return batch_loss(self.accelerator.unwrap_model(model), inputs, num_items_in_batch)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the same figures as the trainer of transformers, without the metrics that TRL adds."""
        for metrics in self._metrics.values():
            metrics.clear()
        super().log(logs, start_time)
