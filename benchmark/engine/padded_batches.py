"""Padded batches through transformers' `generate`, for models whose attention cannot be replaced.

Prompts are batched by length. The number of padded tokens of a batch is limited, which limits the memory. Padding does
not change the results, because the attention mask excludes the padding, and positions count from the first token of
each sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.engine.generation_progress import GenerationProgress
from toolmark.benchmark.engine.token_work import TokenWork, Workload

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
    rows: Mapping[int, Sequence[int]],
    model: PreTrainedModel,
    config: GenerationConfig,
    progress: GenerationProgress | None = None,
) -> Iterator[tuple[int, list[int]]]:
    """Generate in two rounds.

    The first round continues all prompts, starting with the shortest. The second round continues the sequences that did
    not end in the first round.

    Args:
        rows: Token ids of the prompts by index.
        model: The model.
        config: The generation configuration: how tokens are chosen, the stop tokens and the largest number of new
            tokens.
        progress: Receives what is read and written.

    Yields:
        The index and the new tokens of a sequence, with the stop token, when the sequence has ended.
    """
    from transformers import StoppingCriteriaList

    limit, stops = int(config.max_new_tokens), set(config.eos_token_id)
    work = (progress or GenerationProgress()).local(_workload(rows, limit))
    written: dict[int, list[int]] = {index: [] for index in rows}
    first = min(_FIRST_ROUND, limit)
    for budget in (first, limit - first):
        config.max_new_tokens = budget
        longer = {index: [*rows[index], *done] for index, done in written.items()}
        for batch in _batches(longer) if budget else ():
            ids, mask = _left_padded([longer[index] for index in batch], config.eos_token_id[0])
            ids, mask = ids.to(model.device), mask.to(model.device)
            reporting: Any = StoppingCriteriaList([_reporter(work, [len(written[index]) for index in batch], ids)])
            output: Any = model.generate(  # type: ignore[operator]
                input_ids=ids, attention_mask=mask, generation_config=config, stopping_criteria=reporting
            )
            work.admitted(())
            for index, tokens in zip(batch, output[:, ids.shape[1] :].tolist(), strict=True):
                end = next((n for n, token in enumerate(tokens, start=1) if token in stops), len(tokens))
                written[index] += tokens[:end]
                if written[index][-1] in stops or len(written[index]) == limit:
                    work.ended(len(written[index]))
                    yield index, written.pop(index)


def _workload(rows: Mapping[int, Sequence[int]], longest: int) -> Workload:
    lengths = [len(row) for row in rows.values()]
    return Workload(
        sum(lengths), len(rows), _BATCH_ROWS, longest, lambda size: round(sum(lengths) * size / max(1, len(rows)))
    )


def _reporter(work: TokenWork, before: Sequence[int], ids: torch.Tensor) -> Callable[..., torch.Tensor]:
    """A function that transformers calls after every step. It reports the step and stops nothing.

    Args:
        work: Receives the steps.
        before: Number of tokens of each sequence that were written in the first round.
        ids: The padded prompts.
    """
    import torch

    def report(input_ids: torch.Tensor, _scores: Any, **_: Any) -> torch.Tensor:
        added = input_ids.shape[1] - ids.shape[1]
        lengths = [length + added for length in before]
        if added == 1:
            work.read(0 if any(before) else ids.numel())
            work.admitted(lengths)
        else:
            work.wrote(len(lengths), lengths)
        return torch.zeros(len(lengths), dtype=torch.bool, device=input_ids.device)

    return report


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
