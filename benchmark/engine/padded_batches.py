"""Padded batches through transformers' `generate`, for models whose attention cannot be replaced.

Prompts are batched by length. The number of padded tokens of a batch is limited, which limits the memory. Padding does
not change the results, because the attention mask excludes the padding, and positions count from the first token of
each sequence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig, PreTrainedModel

__all__ = ["LAYOUT", "write_padded"]

_BATCH_TOKENS = 16_384
_BATCH_ROWS = 32
_FIRST_ROUND = 96
"""Number of new tokens in the first round. Longer sequences continue in a second round, so that the short sequences of
the batch need not wait."""

LAYOUT = {
    "padding": "left",
    "order": "by length",
    "tokens": _BATCH_TOKENS,
    "rows": _BATCH_ROWS,
    "first_round": _FIRST_ROUND,
}
"""The layout is recorded with a run, because in bf16 a different layout may give different tokens."""


def write_padded(
    rows: Mapping[int, Sequence[int]], model: PreTrainedModel, config: GenerationConfig
) -> Iterator[tuple[int, list[int]]]:
    """Generate in two rounds.

    The first round continues all prompts, starting with the shortest. The second round continues the sequences that did
    not end in the first round.

    Args:
        rows: Token ids of the prompts by index.
        model: The model.
        config: The generation configuration: how tokens are chosen, the stop tokens and the largest number of new
            tokens.

    Yields:
        The index and the new tokens of a sequence, with the stop token, when the sequence has ended.
    """
    limit, stops = int(config.max_new_tokens), set(config.eos_token_id)
    written: dict[int, list[int]] = {index: [] for index in rows}
    first = min(_FIRST_ROUND, limit)
    for budget in (first, limit - first):
        config.max_new_tokens = budget
        longer = {index: [*rows[index], *done] for index, done in written.items()}
        for batch in _batches(longer) if budget else ():
            ids, mask = _left_padded([longer[index] for index in batch], config.eos_token_id[0])
            ids, mask = ids.to(model.device), mask.to(model.device)
            output: Any = model.generate(input_ids=ids, attention_mask=mask, generation_config=config)  # type: ignore[operator]
            for index, tokens in zip(batch, output[:, ids.shape[1] :].tolist(), strict=True):
                end = next((n for n, token in enumerate(tokens, start=1) if token in stops), len(tokens))
                written[index] += tokens[:end]
                if written[index][-1] in stops or len(written[index]) == limit:
                    yield index, written.pop(index)


def _batches(rows: Mapping[int, Sequence[int]]) -> Iterator[list[int]]:
    """Batches of indices in ascending order of length, within the limits. A single sequence is always allowed."""
    batch: list[int] = []
    for index in sorted(rows, key=lambda index: (len(rows[index]), index)):
        if batch and (len(batch) == _BATCH_ROWS or len(rows[index]) * (len(batch) + 1) > _BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _left_padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask, both of shape (sequences, longest sequence)."""
    import torch

    width = max(map(len, rows))
    ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    return ids, mask
