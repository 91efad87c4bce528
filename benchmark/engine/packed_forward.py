"""Packed forward passes through a transformers model, and the proof that they are the model's own.

A model takes part if its attention is replaceable and its other layers work token by token. Whether that is so is not
read off its name: on a probe, packed passes over a shared prefix must give the logits of the model's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolmark.benchmark.engine.decode_loop import DecodeLimits, Forward, write
from toolmark.benchmark.engine.prefix_attention import NAME, Pass, register

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

__all__ = ["packed_forward"]

_SHARED, _OWN = 48, (5, 11)
"""Tokens of the probe: of its shared prefix, beyond the window where there is one, and of each row."""

_LONGEST_WINDOW = 4096
"""A wider window is not filled by the probe."""


def packed_forward(model: PreTrainedModel) -> Forward | None:
    """Packed passes through `model`, whatever adapter it wears; None where they are not exact.

    The model's attention is replaced only while a pass runs.
    """
    register()

    def forward(ids: Sequence[int], positions: Tensor, packed: Pass, ends: Sequence[int]) -> Tensor:
        import torch

        config, device = model.config.get_text_config(), model.device
        own, config._attn_implementation = config._attn_implementation, NAME
        try:
            with torch.inference_mode():
                output = model(
                    input_ids=torch.tensor([list(ids)], device=device),
                    position_ids=positions.to(device)[None],
                    use_cache=False,
                    logits_to_keep=torch.tensor(list(ends), device=device),
                    toolmark_pass=packed,
                )
        finally:
            config._attn_implementation = own
        logits: Tensor = output.logits[0]
        return logits

    return forward if _agrees(model, forward) else None


def _agrees(model: PreTrainedModel, forward: Forward) -> bool:
    """Whether two rows over a shared prefix, two tokens each, get the logits that the model's own passes give."""
    import torch

    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None) or 0
    shared = _SHARED + (window if window <= _LONGEST_WINDOW else 0)
    random = torch.Generator().manual_seed(0)
    drawn = torch.randint(config.vocab_size, (shared + sum(_OWN),), generator=random).tolist()
    prefix, rest = drawn[:shared], drawn[shared:]
    rows = {0: prefix + rest[: _OWN[0]], 1: prefix + rest[_OWN[0] :]}
    followed: dict[int, list[int]] = {0: [], 1: []}
    differences: list[float] = []

    def choose(logits: Tensor, indices: Sequence[int]) -> list[int]:
        chosen = []
        for index, found in zip(indices, logits.float(), strict=True):
            ids = torch.tensor([rows[index] + followed[index]], device=model.device)
            expected = model(input_ids=ids, use_cache=False).logits[0, -1].float()
            spread = (expected - expected.mean()).abs().max()
            differences.append(float((found - expected).abs().max() / spread))
            followed[index].append(int(expected.argmax()))
            chosen.append(followed[index][-1])
        return chosen

    try:
        with torch.inference_mode():
            for _ in write(rows, forward, choose, DecodeLimits(tokens=2, stops=frozenset(), rows=2)):
                pass
    except (TypeError, AttributeError, KeyError, ValueError, IndexError, RuntimeError):
        return False  # a model that does not take what a packed pass gives it
    exact = torch.finfo(model.dtype).eps * 1000
    return max(differences) < exact
