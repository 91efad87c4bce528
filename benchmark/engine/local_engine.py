"""Local generation on transformers: every prompt encoded once, written together, stopped at real stop tokens."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.data.completions import Completion, Prompt, Usage
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine import PromptTooLong
from toolmark.benchmark.engine.adapters import AdaptedModel
from toolmark.benchmark.engine.decode_loop import Choose, DecodeLimits, Forward, write
from toolmark.benchmark.engine.encoding import check_readable, encode, stop_ids
from toolmark.benchmark.engine.packed_forward import packed_forward
from toolmark.benchmark.engine.padded_batches import LAYOUT, write_padded
from toolmark.benchmark.engine.tokenizer import context_length, open_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

__all__ = ["LocalEngine", "default_device", "default_dtype"]

_SMALL = 50_000_000
"""Parameters below which one thread is the default: more gain little on an idle machine, and where anything else runs
they wait for one another (3M parameters on two busy cores: 8 times slower with two)."""

_MOST_ROWS = 64
_TOKENS_A_ROW = 1024
"""Own tokens of a row, beyond shared prefixes, for which room is planned."""


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
        self._dialect: Dialect | None = None
        self._dialect_stops: tuple[str, ...] = ()
        self._call_ends: tuple[int, ...] = ()
        self._one_call: frozenset[int] = frozenset()
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
        loaded.set_adapter(self._worn)
        return loaded

    @cached_property
    def _own_stops(self) -> tuple[int, ...]:
        return stop_ids(self._tokenizer, self._model.ends)

    @property
    def _stops(self) -> tuple[int, ...]:
        """The model's own, the end of a turn with calls, and those of the dialect's that are one token here."""
        vocabulary = self._tokenizer.get_added_vocab()
        marks = (vocabulary[mark] for mark in self._dialect_stops if mark in vocabulary)
        return (*self._own_stops, *self._call_ends, *marks)

    def set_adapter(self, adapter: Path | None) -> None:
        """Answer with this adapter from now on, or as the plain base. Raises `InputError` where it does not fit."""
        self._worn = adapter
        if "_model" in self.__dict__:
            self._model.set_adapter(adapter)

    def prepare(self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int] = ()) -> None:
        """Encode all prompts; completions of those in `one_call` end behind their first whole call.

        Raises:
            PromptTooLong: One leaves no room for `max_tokens`.
            InputError: As `encode` and `check_readable`.
        """
        self._dialect, self._one_call = dialect, frozenset(one_call)
        self._dialect_stops = tuple(dialect.stops)
        ends = {check_readable(prompt, self._tokenizer, dialect) for prompt in prompts[:1]}
        self._call_ends = tuple(end for end in ends if end is not None)
        self._encoded = [encode(prompt, self._tokenizer).ids for prompt in prompts]
        room = self._context - self._decoding.max_tokens
        too_long = {index: len(ids) for index, ids in enumerate(self._encoded) if len(ids) > room}
        if too_long:
            raise PromptTooLong(too_long, room)

    @cached_property
    def _forward(self) -> Forward | None:
        """Packed passes over shared prefixes; None where the model's attention cannot be replaced."""
        return packed_forward(self._model.plain)

    @cached_property
    def _rows(self) -> int:
        """Rows written at once: as many as their keys and values leave room for in a quarter of the memory.

        Of all that the machine has, not of what is free now: in bf16 another layout may give other tokens.
        """
        config = self._model.plain.config.get_text_config()
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        token = 2 * config.num_hidden_layers * heads * size * self._model.plain.dtype.itemsize
        return int(max(1, min(_MOST_ROWS, _memory(self._device) // 4 // (token * _TOKENS_A_ROW))))

    def environment(self) -> dict[str, Any]:
        """Device, threads and batch layout; the weights are loaded, because their size decides the threads."""
        import torch

        _ = self._model
        layout = LAYOUT if self._forward is None else {"prefixes": "shared", "rows": self._rows}
        return {"engine": "transformers", "device": self._device, "threads": torch.get_num_threads(), "batch": layout}

    def notes(self) -> tuple[str, ...]:
        """Nothing: no answer fails to come."""
        return ()

    def answer(self, indices: Sequence[int], epoch: int = 1) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion) as they end."""
        import torch

        rows = {index: self._encoded[index] for index in indices}
        with self._model.wearing():
            if self._forward is None:
                if self._decoding.temperature > 0:
                    torch.manual_seed(_seed(self._decoding.seed, epoch, *rows.values()))
                written = write_padded(rows, self._model.plain, self._generation_config())
            else:
                ended = self._called if self._one_call else None
                limits = DecodeLimits(self._decoding.max_tokens, frozenset(self._stops), self._rows, ended=ended)
                written = write(rows, self._forward, self._chooser(epoch), limits)
            for index, tokens in written:
                yield index, self._completion(index, tokens)

    def _chooser(self, epoch: int) -> Choose:
        """The likeliest token; with a temperature a drawn one, by a generator of each row's own, whatever its batch."""
        import torch

        temperature = self._decoding.temperature
        if temperature == 0:
            return lambda logits, _: logits.argmax(-1).tolist()
        generators: dict[int, torch.Generator] = {}

        def draw(logits: torch.Tensor, indices: Sequence[int]) -> list[int]:
            chances = torch.softmax(logits.double().cpu() / temperature, -1)
            for index in indices:
                if index not in generators:
                    seed = _seed(self._decoding.seed, epoch, self._encoded[index])
                    generators[index] = torch.Generator().manual_seed(seed)
            drawn = (
                torch.multinomial(row, 1, generator=generators[index])
                for index, row in zip(indices, chances, strict=True)
            )
            return [int(token) for token in drawn]

        return draw

    def _generation_config(self) -> Any:
        from transformers import GenerationConfig

        sampling = self._decoding.temperature > 0
        return GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=self._decoding.max_tokens,
            do_sample=sampling,
            temperature=self._decoding.temperature if sampling else None,
            top_k=0 if sampling else None,
            top_p=1.0 if sampling else None,
            eos_token_id=list(self._stops),
            pad_token_id=self._stops[0],
        )

    def _called(self, index: int, written: Sequence[int]) -> bool:
        """Whether a completion that is to end at its call has one, whole: a strict reading finds it and nothing amiss.

        Every dialect ends a call with a mark, so that words need not be read.
        """
        if index not in self._one_call or self._dialect is None or self._text(written[-1:]).strip().isalnum():
            return False
        reading = self._dialect.parse(Completion(self._text(written)), strict=True)
        return bool(reading.calls) and reading.error is None

    def _completion(self, index: int, written: list[int]) -> Completion:
        if self._forward is None and index in self._one_call:  # plain batches write on: the same tokens, later
            whole = (end for end in range(1, len(written)) if self._called(index, written[:end]))
            written = written[: next(whole, len(written))]
        stopped = written[-1] in self._stops
        text = self._text(written[:-1] if stopped else written)
        ends = [text.index(mark) for mark in self._dialect_stops if mark in text]
        return Completion(
            text=text[: min(ends)] if ends else text,
            # Whether a completion that was ended would have ended by itself is not known.
            stop_reason="stop" if stopped or ends else "unknown" if self._called(index, written) else "length",
            usage=Usage(len(self._encoded[index]), len(written)),
        )

    def _text(self, ids: Sequence[int]) -> str:
        # Special tokens stay in the text: in some dialects they are the markers of a call.
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))


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


def _memory(device: str) -> int:
    """Bytes of memory of a device."""
    if device == "cuda":
        import torch

        return int(torch.cuda.get_device_properties(0).total_memory)
    import psutil

    return int(psutil.virtual_memory().total)


def _seed(*parts: object) -> int:
    """A seed that depends on nothing but `parts`."""
    return int(digest(parts), 16) % 2**63
