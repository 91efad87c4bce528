"""Computes the log-probabilities that TRL needs, and reads each prompt only once for all of its answers.

TRL makes one padded row for each answer, with the prompt before the answer. So if a prompt has eight answers, it is
computed eight times. Here, the rows are packed into one row that contains every shared prefix only once. The numbers
are the same.

TRL's trainers call the model with `fused_lm_head=True`. `share_prompts` replaces the function that answers this call.
Packed rows are possible for the same models as in evaluation (`engine/packed_forward.py`).
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any

import torch
from trl.trainer.utils import FusedCausalLMOutput, selective_log_softmax_and_entropy

from toolmark.benchmark.engine.encoding import Encoded
from toolmark.trainers.finetuning.batch_layout import packed_inputs, prefix_attention
from toolmark.trainers.finetuning.shared_prefixes import pack

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["share_prompts"]

_IGNORED = -100


def share_prompts(model: Any, temperature: float = 1.0) -> None:
    """Replace the forward pass that a trainer of TRL uses in a model. The trainer must have prepared the model.

    Forward passes outside of the training do not change.

    Args:
        model: A causal language model in transformers' class, with or without adapters inside.
        temperature: The logits are divided by this number.
    """
    of_trl = model.forward

    def forward(self: Any, *args: Any, fused_lm_head: bool = False, **given: Any) -> Any:
        if not fused_lm_head:
            return of_trl(*args, **given)
        ids, mask, labels = given["input_ids"], given["attention_mask"].bool(), given["labels"]
        supervised = (labels != _IGNORED) & mask
        if not bool(supervised.any(1).all()):  # a row without a supervised token cannot be packed
            return of_trl(*args, fused_lm_head=True, **given)
        return _scored(self, of_trl, ids, mask, supervised, temperature)

    model.forward = MethodType(forward, model)


def _scored(model: Any, forward: Any, ids: Tensor, mask: Tensor, supervised: Tensor, temperature: float) -> Any:
    """Return the figures of each supervised token, in tensors of the shape (rows, tokens - 1).

    Args:
        model: The model.
        forward: The forward pass of the model.
        ids: Token ids of padded rows, of shape (rows, tokens).
        mask: Which tokens are not padding.
        supervised: Which tokens have a log-probability.
        temperature: The logits are divided by this number.
    """
    examples = [
        Encoded(tokens[kept].tolist(), wanted[kept].tolist())
        for tokens, kept, wanted in zip(ids, mask, supervised, strict=True)
    ]
    row = pack(examples)
    inputs = {
        name: value.to(ids.device) if isinstance(value, torch.Tensor) else value
        for name, value in packed_inputs(row).items()
    }
    with prefix_attention(model, packed=True):
        logits = forward(**inputs, use_cache=False).logits[0].float()
    targets = torch.tensor(row.targets, device=ids.device)
    chosen, entropy = selective_log_softmax_and_entropy(
        logits, targets, entropy_requires_grad=False, temperature=temperature
    )
    places = [kept.nonzero()[:, 0] for kept in mask]
    rows = torch.tensor([number for number, _ in row.origins], device=ids.device)
    columns = torch.stack([places[number][place] for number, place in row.origins]) - 1

    def spread(values: Tensor) -> Tensor:
        shape = (ids.shape[0], ids.shape[1] - 1)
        return torch.zeros(shape, dtype=values.dtype, device=ids.device).index_put((rows, columns), values)

    return FusedCausalLMOutput(
        loss=-chosen.mean(),
        log_probs=spread(chosen),
        entropy=spread(entropy),
        log_sum_sq_probs=None,
        mean_logits=spread(logits.detach().mean(-1) / temperature),
        is_top1=spread(logits.argmax(-1) == targets),
        label_mask=supervised[:, 1:],
        aux_loss=None,
    )
