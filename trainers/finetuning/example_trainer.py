"""TRL's SFT trainer over packed rows: its optimizer, schedule, checkpoints and resuming, with our own forward pass.

Where a model's attention can be replaced (`engine/packed_forward.py` proves it on a probe), a batch is one row in which
each shared prefix is computed once; elsewhere it is padded. The loss is the same: cross entropy over the tokens that
the model itself writes, a mean over all of them in an optimizer step, in which some may weigh more than others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import SequentialSampler
from trl.trainer.sft_trainer import SFTTrainer

from toolmark.benchmark.engine.prefix_attention import NAME
from toolmark.trainers.finetuning.shared_prefixes import pack
from toolmark.trainers.finetuning.tree_attention import TreeAttention

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedModel

    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["ExampleTrainer", "Layout", "Weights", "batch_loss", "packed_rows", "padded_rows"]

Batch = dict[str, Any]
Weights = Sequence[Mapping[int, float]]
"""Of each example the loss weight of some of its places; the others weigh 1."""


class Layout(Protocol):
    """Puts examples into one batch: what the model is given, `targets`, the tokens to predict, and their `weights`."""

    __name__: str

    def __call__(self, examples: Sequence[Encoded], weights: Weights = ()) -> Batch:
        """The batch of these examples."""
        ...


def packed_rows(examples: Sequence[Encoded], weights: Weights = ()) -> Batch:
    """One row: `input_ids` and `position_ids` (1, tokens), `logits_to_keep`, `targets`, `weights` (supervised,)."""
    row, weights = pack(examples), weights or [{}] * len(examples)
    return {
        "input_ids": torch.tensor([row.ids]),
        "position_ids": torch.tensor([row.positions]),
        "logits_to_keep": torch.tensor(row.places),
        "toolmark_pass": TreeAttention(row.parts),
        "targets": torch.tensor(row.targets),
        "weights": torch.tensor([weights[number].get(place, 1.0) for number, place in row.origins]),
        "tokens": row.tokens,
    }


def padded_rows(examples: Sequence[Encoded], weights: Weights = ()) -> Batch:
    """Rows of one length: `input_ids` and `attention_mask` (rows, tokens); `targets` and `weights` one token fewer.

    Where nothing is to predict, the target is -100 and the weight 0.
    """
    ids = pad_sequence([torch.tensor(example.ids) for example in examples], batch_first=True)
    mask = pad_sequence([torch.ones(len(example.ids), dtype=torch.long) for example in examples], batch_first=True)
    mine = pad_sequence([torch.tensor(example.supervised) for example in examples], batch_first=True)
    targets, weighed = ids.where(mine, -100)[:, 1:], mine.float()
    for row, some in enumerate(weights):
        for place, weight in some.items():
            weighed[row, place] *= weight
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "targets": targets,
        "weights": weighed[:, 1:],
        "tokens": int(mask.sum()),
    }


def batch_loss(model: Any, batch: Mapping[str, Any], weight: torch.Tensor | float | None = None) -> torch.Tensor:
    """Cross entropy (a scalar): the weighed sum over the supervised tokens of a batch, over `weight` or their own."""
    given = {name: value for name, value in batch.items() if name not in ("targets", "weights", "tokens")}
    packed = "toolmark_pass" in batch
    with _replaced(model, packed):
        logits = model(**given, use_cache=False).logits
    logits = logits[0] if packed else logits[:, :-1].flatten(0, 1)
    losses = cross_entropy(logits.float(), batch["targets"].flatten(), ignore_index=-100, reduction="none")
    total: torch.Tensor = (losses * batch["weights"].flatten()).sum()
    return total / (batch["weights"].sum() if weight is None else weight)


@contextmanager
def _replaced(model: PreTrainedModel, packed: bool) -> Iterator[None]:
    """While this lasts, packed rows meet their own attention; scoring and saving meet the model's."""
    config: Any = model.config.get_text_config()
    own = config._attn_implementation
    if packed:
        config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = own


class ExampleTrainer(SFTTrainer):
    """Trains on encoded examples in the order of its dataset; `tokens` counts what was read since the start.

    Args:
        options: As `SFTTrainer`; the collator makes a batch out of the rows of a dataset, in their order.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.model_accepts_loss_kwargs = True  # the loss is divided by the weight of the whole step, not by its batches

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        data: Any = self.train_dataset if train_dataset is None else train_dataset
        return SequentialSampler(data)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Batch], Any]:
        """The batches of one step, and what the supervised tokens of all of them weigh."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        return batches, sum(batch["weights"].sum() for batch in batches)

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, Any],
        return_outputs: bool = False,  # noqa: ARG002 - of the overridden method
        num_items_in_batch: Any = None,
    ) -> torch.Tensor:
        """The weighed mean over the supervised tokens of the step; in evaluation, over those of the batch."""
        if model.training:
            self.state.num_input_tokens_seen += inputs["tokens"]
        return batch_loss(self.accelerator.unwrap_model(model), inputs, num_items_in_batch)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As in transformers: the metrics that TRL adds are not computed here."""
        for metrics in self._metrics.values():
            metrics.clear()
        super().log(logs, start_time)

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """None: the host writes one when training is done."""
