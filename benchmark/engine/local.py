"""Local generation on transformers: every prompt encoded once, batched with left padding, stopped at real stop tokens.

Batches are formed by length and bounded in padded tokens, so that memory is bounded too. Rows in a batch never see each
other's padding: the attention mask excludes it and positions count from each row's first token.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.completions import Completion, Prompt, Usage
from benchmark.config import Decoding
from benchmark.engine import PromptTooLong
from benchmark.engine.adapters import AdaptedModel
from benchmark.engine.encoding import encode, stop_ids
from benchmark.engine.tokenizer import context_length, open_tokenizer
from benchmark.errors import InputError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

__all__ = ["LocalEngine", "default_device", "default_dtype"]

_BATCH_TOKENS = 16_384
_BATCH_ROWS = 32
_FIRST_ROUND = 96
"""Tokens after which rows that go on are gathered: one that never ends must not hold up the rest of its batch."""


_SMALL = 50_000_000
"""Parameters below which one thread is the default: more gain little on an idle machine, and where anything else runs
they wait for one another (3M parameters on two busy cores: 8 times slower with two)."""


def default_device() -> str:
    """`cuda` where there is one, else `cpu`."""
    if sys.platform == "linux" and not Path("/proc/driver/nvidia").exists():
        return "cpu"  # no driver: told without the seconds that importing torch takes
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def default_dtype(device: str) -> str:
    """fp32 on a processor, bf16 on CUDA; never fp16, in which Gemma overflows."""
    return "bfloat16" if device == "cuda" else "float32"


class LocalEngine:
    """One base model in memory, and as many adapters on it as were ever worn.

    Args:
        base: The base model's directory.
        decoding: How to draw tokens.
        device: `cpu` or `cuda`.
        dtype: A torch dtype's name.
        threads: Processor threads; None is one for a small model, and torch's own choice otherwise.

    Raises:
        InputError: The weights are no causal language model.
    """

    def __init__(self, base: Path, decoding: Decoding, *, device: str, dtype: str, threads: int | None = None) -> None:
        self._base = base
        self._decoding = decoding
        self._device = device
        self._dtype = dtype
        self._asked_threads = threads
        self._worn: Path | None = None
        self._encoded: list[list[int]] = []
        with _loading(base):
            self._tokenizer = open_tokenizer(base)
            self._context = context_length(base) or 1 << 20

    @cached_property
    def _model(self) -> AdaptedModel:
        """The weights, loaded when they are first needed: a prompt that is too long is told without them."""
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        with _loading(self._base):
            model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
                self._base, dtype=getattr(torch, self._dtype), use_safetensors=True
            )
        threads = self._asked_threads
        if threads is None and self._device == "cpu" and model.num_parameters() < _SMALL:
            threads = 1
        if threads is not None:
            torch.set_num_threads(threads)
        loaded = AdaptedModel(model.eval().to(self._device), self._base)  # type: ignore[no-untyped-call]
        loaded.wear(self._worn)
        return loaded

    @cached_property
    def _stops(self) -> tuple[int, ...]:
        return stop_ids(self._tokenizer, self._model.ends)

    def wear(self, adapter: Path | None) -> None:
        """Answer with this adapter from now on, or as the plain base. Raises `InputError` where it does not fit."""
        self._worn = adapter
        if "_model" in self.__dict__:
            self._model.wear(adapter)

    def prepare(self, prompts: Sequence[Prompt]) -> None:
        """Encode all prompts. Raises `PromptTooLong` where one leaves no room for `max_tokens`."""
        self._encoded = [encode(prompt, self._tokenizer).ids for prompt in prompts]
        room = self._context - self._decoding.max_tokens
        too_long = {index: len(ids) for index, ids in enumerate(self._encoded) if len(ids) > room}
        if too_long:
            raise PromptTooLong(too_long, room)

    def environment(self) -> dict[str, Any]:
        """Device, threads and batch layout; the weights are loaded, because their size decides the threads."""
        import torch

        _ = self._model
        return {
            "engine": "transformers",
            "device": self._device,
            "threads": torch.get_num_threads(),
            "batch": {
                "padding": "left",
                "order": "by length",
                "tokens": _BATCH_TOKENS,
                "rows": _BATCH_ROWS,
                "first_round": _FIRST_ROUND,
            },
        }

    def answer(self, indices: Sequence[int], epoch: int = 1) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion): short prompts first, and after them all that did not end in the first round."""
        waiting: dict[int, list[int]] = {index: [] for index in indices}
        first = min(_FIRST_ROUND, self._decoding.max_tokens)
        for budget in (first, self._decoding.max_tokens - first):
            rows = {index: self._encoded[index] + written for index, written in waiting.items()}
            for batch in _batches(rows) if budget else ():
                for index, written in zip(batch, self._write([rows[i] for i in batch], budget, epoch), strict=True):
                    waiting[index] += written
                    if written[-1] in self._stops or len(waiting[index]) == self._decoding.max_tokens:
                        yield index, self._completion(len(self._encoded[index]), waiting.pop(index))

    def _write(self, rows: Sequence[Sequence[int]], budget: int, epoch: int) -> list[list[int]]:
        """Tokens that continue each row: at most `budget`, up to and with the first stop token."""
        import torch

        ids, mask = _left_padded(rows, self._stops[0])
        if self._decoding.temperature > 0:
            torch.manual_seed(hash((self._decoding.seed, epoch, tuple(map(tuple, rows)))) % 2**63)
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=ids.to(self._device),
                attention_mask=mask.to(self._device),
                generation_config=self._generation_config(budget),
            )
        written: list[list[int]] = output[:, ids.shape[1] :].tolist()
        ends = [next((n for n, token in enumerate(row, start=1) if token in self._stops), len(row)) for row in written]
        return [row[:end] for row, end in zip(written, ends, strict=True)]

    def _generation_config(self, budget: int) -> Any:
        from transformers import GenerationConfig

        sampling = self._decoding.temperature > 0
        return GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=budget,
            do_sample=sampling,
            temperature=self._decoding.temperature if sampling else None,
            top_k=0 if sampling else None,
            top_p=1.0 if sampling else None,
            eos_token_id=list(self._stops),
            pad_token_id=self._stops[0],
        )

    def _completion(self, prompt_length: int, written: list[int]) -> Completion:
        stopped = written[-1] in self._stops
        # Special tokens stay in the text: in some dialects they are the markers of a call.
        text = self._tokenizer.decode(
            written[:-1] if stopped else written, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return Completion(
            text=str(text),
            stop_reason="stop" if stopped else "length",
            usage=Usage(prompt_length, len(written)),
        )


@contextmanager
def _loading(base: Path) -> Iterator[None]:
    """Turn what transformers raises for a directory that it cannot read into the user's error."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{base} cannot be loaded as a causal language model: {str(error).splitlines()[0]}",
            "Check that it is a text model of a supported architecture, with its tokenizer.",
        ) from error


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
