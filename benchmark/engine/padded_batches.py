"""Plain batches through transformers' `generate`, for models whose attention cannot be replaced.

Batches are formed by length and bounded in padded tokens, so that memory is bounded too. Rows in a batch never see each
other's padding: the attention mask excludes it and positions count from each row's first token.
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
"""Tokens after which rows that go on are gathered: one that never ends must not hold up the rest of its batch."""

LAYOUT = {
    "padding": "left",
    "order": "by length",
    "tokens": _BATCH_TOKENS,
    "rows": _BATCH_ROWS,
    "first_round": _FIRST_ROUND,
}
"""For the record: in bf16 another layout may give other tokens."""


def write_padded(
    rows: Mapping[int, Sequence[int]], model: PreTrainedModel, config: GenerationConfig
) -> Iterator[tuple[int, list[int]]]:
    """Yield (index, tokens), up to and with the stop: short prompts first, and last all that did not end soon.

    Args:
        rows: Token ids by index.
        model: Who continues them.
        config: How to draw tokens, when to stop and after how many tokens.
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
    """Indices in ascending order of length, in runs whose padded size keeps the budget; one row always fits."""
    batch: list[int] = []
    for index in sorted(rows, key=lambda index: (len(rows[index]), index)):
        if batch and (len(batch) == _BATCH_ROWS or len(rows[index]) * (len(batch) + 1) > _BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _left_padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask, both of shape (rows, longest row)."""
    import torch

    width = max(map(len, rows))
    ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    return ids, mask
