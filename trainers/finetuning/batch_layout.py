"""Makes packed or padded batches of examples, and computes the loss of a batch.

There are two layouts of a batch. Both give the same loss: the cross entropy over the tokens that the model writes.

    packed   one row that contains every shared prefix only once, so each shared prefix is computed only once
    padded   one row for each example, with padding at the end

A packed row needs another attention in the model. `engine/packed_forward.py` tests whether the model allows this. If
not, the rows are padded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from toolmark.benchmark.engine.prefix_attention import NAME
from toolmark.trainers.finetuning.shared_prefixes import PackedRow, pack
from toolmark.trainers.finetuning.tree_attention import TreeAttention

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedModel

    from toolmark.benchmark.engine.encoding import Encoded

__all__ = [
    "Batch",
    "BatchLayout",
    "LossWeights",
    "batch_loss",
    "packed_inputs",
    "packed_rows",
    "padded_rows",
    "prefix_attention",
    "without_weight",
]

Batch = dict[str, Any]
LossWeights = Sequence[Mapping[int, float]]
"""For each example, a mapping from token indices to loss weights. Tokens without an entry have the weight 1."""


class BatchLayout(Protocol):
    """A function that makes a batch from examples.

    A batch contains the inputs of the model, the `targets` (the tokens to predict) and the loss `weights`.
    """

    __name__: str

    def __call__(self, examples: Sequence[Encoded], weights: LossWeights = ()) -> Batch:
        """Return a batch of these examples."""
        ...


def packed_rows(examples: Sequence[Encoded], weights: LossWeights = ()) -> Batch:
    """Return a batch as one packed row.

    Returns:
        `input_ids` and `position_ids` (1, tokens); `logits_to_keep`, `targets` and `weights` (supervised,).
    """
    row, weights = pack(examples), weights or [{}] * len(examples)
    return {
        **packed_inputs(row),
        "targets": torch.tensor(row.targets),
        "weights": torch.tensor([weights[number].get(place, 1.0) for number, place in row.origins]),
        "tokens": row.tokens,
    }


def packed_inputs(row: PackedRow) -> Batch:
    """Return the inputs of a model for a packed row. The model must use `prefix_attention`."""
    return {
        "input_ids": torch.tensor([row.ids]),
        "position_ids": torch.tensor([row.positions]),
        "logits_to_keep": torch.tensor(row.predicted_from),
        "toolmark_pass": TreeAttention(row.parts),
    }


def padded_rows(examples: Sequence[Encoded], weights: LossWeights = ()) -> Batch:
    """Return a batch as rows of the same length, with padding at the end.

    Returns:
        `input_ids` and `attention_mask` (rows, tokens); `targets` and `weights` (rows, tokens - 1). At positions
        without a token to predict, the target is -100 and the weight is 0.
    """
    ids = pad_sequence([torch.tensor(example.ids) for example in examples], batch_first=True)
    mask = pad_sequence([torch.ones(len(example.ids), dtype=torch.long) for example in examples], batch_first=True)
    supervised = pad_sequence([torch.tensor(example.supervised) for example in examples], batch_first=True)
    targets, loss_weights = ids.where(supervised, -100)[:, 1:], supervised.float()
    for row, some in enumerate(weights):
        for place, weight in some.items():
            loss_weights[row, place] *= weight
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "targets": targets,
        "weights": loss_weights[:, 1:],
        "tokens": int(mask.sum()),
    }


def without_weight(batch: Batch) -> Batch:
    """Return `batch` with the loss weight 0. A process computes such a batch if a step has too few conversations."""
    return {**batch, "weights": torch.zeros_like(batch["weights"]), "tokens": 0}


def batch_loss(
    model: Any, batch: Mapping[str, Any], weight: torch.Tensor | float | None = None, plain: Any = None
) -> torch.Tensor:
    """Return the weighted cross entropy of a batch (a scalar).

    Args:
        model: A causal language model.
        batch: A batch from `packed_rows` or `padded_rows`.
        weight: The number by which the weighted sum is divided. None stands for the sum of the batch's weights.
        plain: The model itself, if `model` only wraps the model for several processes.
    """
    inputs = {name: value for name, value in batch.items() if name not in ("targets", "weights", "tokens")}
    packed = "toolmark_pass" in batch
    with prefix_attention(model if plain is None else plain, packed=packed):
        logits = model(**inputs, use_cache=False).logits
    logits = logits[0] if packed else logits[:, :-1].flatten(0, 1)
    losses = cross_entropy(logits.float(), batch["targets"].flatten(), ignore_index=-100, reduction="none")
    total: torch.Tensor = (losses * batch["weights"].flatten()).sum()
    return total / (batch["weights"].sum() if weight is None else weight)


@contextmanager
def prefix_attention(model: PreTrainedModel, *, packed: bool) -> Iterator[None]:
    """Use the attention for packed rows during one forward pass. This has no effect on a batch that is not packed.

    The model's own attention is restored, because judging and saving need it.
    """
    config: Any = model.config.get_text_config()
    own = config._attn_implementation
    if packed:
        config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = own
