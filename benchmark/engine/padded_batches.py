"""Generates in padded batches with `generate` of transformers, for models that do not allow packed passes.

Prompts of similar length are in the same batch. The size of a batch is limited, because memory is limited. Padding does
not change the results: the attention mask excludes the padding, and the position of a token is counted from the first
token of its sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.engine.call_probability import CallProbability
from toolmark.benchmark.engine.finite_logits import NoNumbers, finite_scores
from toolmark.benchmark.engine.generation_progress import GenerationProgress
from toolmark.benchmark.engine.token_work import TokenWork, Workload

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig, PreTrainedModel

__all__ = ["LAYOUT", "write_padded"]

_BATCH_TOKENS = 16_384
_BATCH_ROWS = 32
_FIRST_ROUND = 96
"""Highest number of new tokens in the first round. Sequences that have not ended then continue in a second round. So
short sequences need not wait for long sequences in their batch."""

LAYOUT = {
    "padding": "left",
    "order": "by length",
    "tokens": _BATCH_TOKENS,
    "rows": _BATCH_ROWS,
    "first_round": _FIRST_ROUND,
}
"""The layout of the batches. It is recorded with a run, because in bf16, another layout can give other tokens."""


def write_padded(
    rows: Mapping[int, Sequence[int]],
    model: PreTrainedModel,
    config: GenerationConfig,
    progress: GenerationProgress | None = None,
    calls: CallProbability | None = None,
) -> Iterator[tuple[int, list[int]]]:
    """Continue prompts in two rounds.

    The first round continues all prompts, shortest first. The second round continues the sequences that did not end in
    the first round.

    Args:
        rows: Token ids of the prompts by index.
        model: The model.
        config: How tokens are chosen, the stop tokens, and the highest number of new tokens.
        progress: Receives how many tokens are read and written.
        calls: Keeps the probability of a call for each sequence.

    Yields:
        The index and the new tokens of each sequence that has ended. The new tokens include the stop token.

    Raises:
        NoNumbers: The logits of the model are NaN or infinite.
    """
    from transformers import LogitsProcessorList, StoppingCriteriaList

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
            prompt_tokens = sum(len(rows[index]) for index in batch if not written[index])
            before = [len(written[index]) for index in batch]
            processors = [finite_scores] if calls is None else [finite_scores, _watching(calls, batch)]
            reporting: Any = StoppingCriteriaList([_reporter(work, before, prompt_tokens)])
            try:
                with _only_settings(model, config):
                    output: Any = model.generate(  # type: ignore[operator]
                        input_ids=ids,
                        attention_mask=mask,
                        generation_config=config,
                        stopping_criteria=reporting,
                        logits_processor=LogitsProcessorList(processors),
                    )
            except NoNumbers as error:
                raise NoNumbers(batch[error.index]) from None
            work.admitted(())
            if calls is not None:
                calls.after(batch, output[:, -1].tolist())
            for index, tokens in zip(batch, output[:, ids.shape[1] :].tolist(), strict=True):
                end = next((n for n, token in enumerate(tokens, start=1) if token in stops), len(tokens))
                written[index] += tokens[:end]
                if written[index][-1] in stops or len(written[index]) == limit:
                    work.ended(len(written[index]))
                    yield index, written.pop(index)


@contextmanager
def _only_settings(model: PreTrainedModel, config: GenerationConfig) -> Iterator[None]:
    """Inside the `with` block, use only the settings in `config`, and not those in the model's
    `generation_config.json`.

    Transformers would take all settings that `config` lacks from this file, for example a penalty on repetitions.
    """
    own, model.generation_config = model.generation_config, config
    try:
        yield
    finally:
        model.generation_config = own


def _workload(rows: Mapping[int, Sequence[int]], longest: int) -> Workload:
    lengths = [len(row) for row in rows.values()]
    return Workload(
        prompt_tokens=sum(lengths),
        answers=len(rows),
        at_once=_BATCH_ROWS,
        longest=longest,
        prompt_tokens_of=lambda size: round(sum(lengths) * size / max(1, len(rows))),
        drafts=False,
    )


def _reporter(work: TokenWork, before: Sequence[int], prompt_tokens: int) -> Callable[..., torch.Tensor]:
    """Return a function that transformers calls after every step. This function reports the step, and ends no sequence.

    Args:
        work: Receives the reports.
        before: For each sequence in the batch, the number of tokens that were written in the first round.
        prompt_tokens: Number of prompt tokens that the first step reads, without those that the first round has read.
    """
    import torch

    added = count(1)

    def report(input_ids: torch.Tensor, _scores: Any, **_: Any) -> torch.Tensor:
        step = next(added)
        lengths = [length + step for length in before]
        if step == 1:
            work.read(prompt_tokens)
            work.admitted(lengths)
        else:
            work.wrote(len(lengths), lengths)
        return torch.zeros(len(lengths), dtype=torch.bool, device=input_ids.device)

    return report


def _watching(calls: CallProbability, batch: Sequence[int]) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return a logits processor that lets `calls` see each step. The last tokens of a batch are not among its inputs.

    Transformers calls this processor before it divides the logits by the temperature.
    """
    steps = count()

    def process(input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if next(steps):
            calls.after(batch, input_ids[:, -1].tolist())
        return calls.before(scores, batch)

    return process


def _batches(rows: Mapping[int, Sequence[int]]) -> Iterator[list[int]]:
    """Yield batches of indices, shortest sequences first. A sequence that is too long forms a batch alone."""
    batch: list[int] = []
    for index in sorted(rows, key=lambda index: (len(rows[index]), index)):
        if batch and (len(batch) == _BATCH_ROWS or len(rows[index]) * (len(batch) + 1) > _BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _left_padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the ids, padded on the left, and the attention mask. Both have the shape (sequences, longest sequence)."""
    import torch

    width = max(map(len, rows))
    ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    return ids, mask
