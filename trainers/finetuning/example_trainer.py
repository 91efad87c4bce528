"""Trains on encoded examples with TRL's SFT trainer, but with Toolmark's batches and loss.

Optimizer, schedule, checkpoints, resuming and several processes come from TRL. The loss of an optimizer step is the
weighted mean over all supervised tokens of the step. So the number of batches in a step does not change the loss, and
the number of processes does not change the loss either.
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
        validation_weight: Sum of the loss weights of a validation batch, as the mean over all validation batches.
        options: The arguments of `SFTTrainer`. A row of the dataset stands for a batch, and the collator makes the
            batch. With several processes, the rows are given to the processes in turn.
    """

    def __init__(self, *, validation_weight: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.model_accepts_loss_kwargs = True  # the loss is divided by the weight of the whole step, not of each batch
        self._validation_weight = validation_weight

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        data: Any = self.train_dataset if train_dataset is None else train_dataset
        return SequentialSampler(data)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Batch], Any]:
        """Return this process's batches of one optimizer step, and the sum of all loss weights of the step.

        The sum includes the batches of the other processes. The tokens of all these batches are counted.
        """
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        sums = [sum(float(batch["weights"].sum()) for batch in batches), sum(batch["tokens"] for batch in batches)]
        weight, tokens = sums
        if self.accelerator.num_processes > 1:
            weight, tokens = self.accelerator.reduce(torch.tensor(sums, dtype=torch.float64, device=device)).tolist()
        self.state.num_input_tokens_seen += round(tokens)
        return batches, weight

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, Any],
        return_outputs: bool = False,  # noqa: ARG002 - parameter of the overridden method
        num_items_in_batch: Any = None,
    ) -> torch.Tensor:
        """Return the weighted sum of the losses of a batch, divided by the weights of the whole optimizer step.

        The processes take the mean of their gradients. So the loss is multiplied by their number. In evaluation, the
        mean over all batches is the weighted mean over all supervised tokens.
        """
        plain = self.accelerator.unwrap_model(model)
        if not model.training:
            return batch_loss(plain, inputs, self._validation_weight)
        loss: torch.Tensor = batch_loss(model, inputs, num_items_in_batch, plain) * self.accelerator.num_processes
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the same figures as the trainer of transformers, without the metrics that TRL adds."""
        for metrics in self._metrics.values():
            metrics.clear()
        super().log(logs, start_time)
