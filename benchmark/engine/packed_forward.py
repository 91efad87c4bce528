"""Packed forward passes through a transformers model: one row contains the tokens of many sequences.

Packed passes are possible if the attention of a model can be replaced, and if all other layers process each token
alone. The name of a model does not show whether this is true. So a test compares the logits of packed passes with the
logits of the model's own passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolmark.benchmark.engine.decode_loop import DecodeLimits, Forward, decode
from toolmark.benchmark.engine.prefix_attention import NAME, Pass, register

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

__all__ = ["packed_forward"]

_SHARED, _OWN = 48, (5, 11)
"""Numbers of tokens in the test. The first is for the shared prefix; if the model has a sliding window, the length of
the window is added. The other two are for the unshared tokens of the two sequences."""

_LONGEST_WINDOW = 4096
"""If a sliding window is longer than this, its length is not added to the prefix of the test, to save time."""


def packed_forward(model: PreTrainedModel) -> Forward | None:
    """Return a function for packed passes through `model`, or None if packed passes would give other logits.

    If an adapter is set in `model`, the packed passes use it. The attention of the model is replaced only during a
    pass.
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
    """Return whether packed passes give the same logits as the model's own passes.

    The test generates two tokens for each of two sequences with a shared prefix.
    """
    import torch

    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None) or 0
    shared = _SHARED + (window if window <= _LONGEST_WINDOW else 0)
    random = torch.Generator().manual_seed(0)
    drawn = torch.randint(config.vocab_size, (shared + sum(_OWN),), generator=random).tolist()
    prefix, rest = drawn[:shared], drawn[shared:]
    prompts = {0: prefix + rest[: _OWN[0]], 1: prefix + rest[_OWN[0] :]}
    chosen_so_far: dict[int, list[int]] = {0: [], 1: []}
    differences: list[float] = []

    def choose(logits: Tensor, indices: Sequence[int]) -> list[int]:
        chosen = []
        for index, actual in zip(indices, logits.float(), strict=True):
            ids = torch.tensor([prompts[index] + chosen_so_far[index]], device=model.device)
            expected = model(input_ids=ids, use_cache=False).logits[0, -1].float()
            spread = (expected - expected.mean()).abs().max()
            differences.append(float((actual - expected).abs().max() / spread))
            chosen_so_far[index].append(int(expected.argmax()))
            chosen.append(chosen_so_far[index][-1])
        return chosen

    try:
        with torch.inference_mode():
            for _ in decode(prompts, forward, choose, DecodeLimits(tokens=2, stops=frozenset(), sequences=2)):
                pass
    except (TypeError, AttributeError, KeyError, ValueError, IndexError, RuntimeError):
        return False  # The model does not accept the arguments of a packed pass.
    exact = torch.finfo(model.dtype).eps * 1000
    return max(differences) < exact
