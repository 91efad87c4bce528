"""Local generation with transformers. All prompts are encoded, and their completions are generated together."""

from __future__ import annotations

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
from toolmark.benchmark.engine.decode_loop import Choose, DecodeLimits, Forward, decode
from toolmark.benchmark.engine.devices import DEVICES, memory, naming_missing_operations
from toolmark.benchmark.engine.encoding import check_readable, encode, stop_ids
from toolmark.benchmark.engine.packed_forward import packed_forward
from toolmark.benchmark.engine.padded_batches import LAYOUT, write_padded
from toolmark.benchmark.engine.tokenizer import context_length, open_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

__all__ = ["LocalEngine"]

_SMALL_MODEL = 50_000_000
"""A model with fewer parameters than this number uses one thread by default. On an idle machine, more threads are
hardly faster. On a busy machine, the threads wait for each other. For example, a model with 3M parameters on two busy
cores is 8 times slower with two threads."""

_LARGEST_BATCH = 64
"""The largest number of sequences in a batch."""

_TOKENS_PER_SEQUENCE = 1024
"""The assumed number of unshared tokens of a sequence. The memory for a batch is planned with this number."""


class LocalEngine:
    """A base model in memory, with all adapters that were set.

    Args:
        base: The directory of the base model.
        decoding: The decoding options.
        device: Name of a device in `DEVICES`.
        dtype: Name of a torch dtype.
        threads: Processor threads. None means one thread for a small model and torch's default for other models.

    Raises:
        InputError: The weights are not a causal language model.
    """

    def __init__(self, base: Path, decoding: Decoding, *, device: str, dtype: str, threads: int | None = None) -> None:
        self._base = base
        self._decoding = decoding
        self._device = device
        self._dtype = dtype
        self._thread_option = threads
        self._adapter: Path | None = None
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
        """The model.

        The model is loaded when it is first needed, because the check for prompts that are too long needs no model.
        """
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        with _loading(self._base):
            model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
                self._base, dtype=getattr(torch, self._dtype), use_safetensors=True
            )
        threads = self._thread_option
        if threads is None and self._device == "cpu" and model.num_parameters() < _SMALL_MODEL:
            threads = 1
        if threads is not None:
            torch.set_num_threads(threads)
        placed = model.eval().to(DEVICES[self._device].torch_name)  # type: ignore[no-untyped-call]
        loaded = AdaptedModel(placed, self._base)
        loaded.set_adapter(self._adapter)
        return loaded

    @cached_property
    def _own_stops(self) -> tuple[int, ...]:
        return stop_ids(self._tokenizer, self._model.ends)

    @property
    def _stops(self) -> tuple[int, ...]:
        """All tokens that end a completion.

        These are the model's stop tokens, the token that ends a turn with calls, and the dialect's stops that are
        single tokens.
        """
        vocabulary = self._tokenizer.get_added_vocab()
        marks = (vocabulary[mark] for mark in self._dialect_stops if mark in vocabulary)
        return (*self._own_stops, *self._call_ends, *marks)

    def set_adapter(self, adapter: Path | None) -> None:
        """Use this adapter from now on, or the base alone if `adapter` is None.

        An adapter that does not fit raises `InputError`.
        """
        self._adapter = adapter
        if "_model" in self.__dict__:
            self._model.set_adapter(adapter)

    def prepare(self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int] = ()) -> None:
        """Encode all prompts. Completions of the prompts in `one_call` end after the first complete call.

        Raises:
            PromptTooLong: A prompt leaves no room for `max_tokens`.
            InputError: The context has no room for a prompt beside `max_tokens`. Or the same errors as `encode` and
                `check_readable`.
        """
        self._dialect, self._one_call = dialect, frozenset(one_call)
        self._dialect_stops = tuple(dialect.stops)
        ends = {check_readable(prompt, self._tokenizer, dialect) for prompt in prompts[:1]}
        self._call_ends = tuple(end for end in ends if end is not None)
        self._encoded = [encode(prompt, self._tokenizer).ids for prompt in prompts]
        room = self._context - self._decoding.max_tokens
        if room < 1:
            raise InputError(
                f"--max-tokens {self._decoding.max_tokens} leaves no room for a prompt, because the context of "
                f"{self._base} has {self._context} tokens",
                f"Allow shorter answers, for example --max-tokens {min(512, self._context // 2)}",
            )
        too_long = {index: len(ids) for index, ids in enumerate(self._encoded) if len(ids) > room}
        if too_long:
            raise PromptTooLong(too_long, room)

    @cached_property
    def _forward(self) -> Forward | None:
        """The function for packed passes over shared prefixes. None if the model's attention cannot be replaced."""
        return packed_forward(self._model.plain)

    @cached_property
    def _max_sequences(self) -> int:
        """The largest number of sequences whose keys and values fit into a quarter of the memory.

        All memory of the machine counts, even memory in use. Otherwise the batch size would differ from run to run. In
        bf16 a different batch size may give different tokens.
        """
        config = self._model.plain.config.get_text_config()
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        token_bytes = 2 * config.num_hidden_layers * heads * size * self._model.plain.dtype.itemsize
        return int(max(1, min(_LARGEST_BATCH, memory(self._device) // 4 // (token_bytes * _TOKENS_PER_SEQUENCE))))

    def environment(self) -> dict[str, Any]:
        """Device, threads and batch layout.

        This method loads the weights, because the number of threads depends on the number of parameters.
        """
        import torch

        _ = self._model
        layout = LAYOUT if self._forward is None else {"prefixes": "shared", "rows": self._max_sequences}
        return {"engine": "transformers", "device": self._device, "threads": torch.get_num_threads(), "batch": layout}

    def notes(self) -> tuple[str, ...]:
        """No lines, because every prompt is answered."""
        return ()

    def answer(self, indices: Sequence[int], epoch: int = 1) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion) when a completion has ended."""
        import torch

        prompts = {index: self._encoded[index] for index in indices}
        with self._model.adapter_active(), naming_missing_operations(self._device):
            if self._forward is None:
                if self._decoding.temperature > 0:
                    torch.manual_seed(_seed(self._decoding.seed, epoch, *prompts.values()))
                generated = write_padded(prompts, self._model.plain, self._generation_config())
            else:
                ended = self._has_called if self._one_call else None
                limits = DecodeLimits(
                    self._decoding.max_tokens, frozenset(self._stops), self._max_sequences, ended=ended
                )
                generated = decode(prompts, self._forward, self._chooser(epoch), limits)
            for index, tokens in generated:
                yield index, self._completion(index, tokens)

    def _chooser(self, epoch: int) -> Choose:
        """Return a function that chooses the most likely token or, with a temperature, draws a token.

        Each sequence has its own random generator, so that its draws do not depend on the other sequences of the batch.
        """
        import torch

        temperature = self._decoding.temperature
        if temperature == 0:
            return lambda logits, _: logits.argmax(-1).tolist()
        generators: dict[int, torch.Generator] = {}

        def draw(logits: torch.Tensor, indices: Sequence[int]) -> list[int]:
            chances = torch.softmax(logits.cpu().double() / temperature, -1)
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

    def _has_called(self, index: int, written: Sequence[int]) -> bool:
        """Return whether a completion that ends at its first call contains a complete call, and can be read strictly.

        In every dialect a call ends with a punctuation mark or a tag. So a completion whose last token is a word cannot
        end with a call.
        """
        if index not in self._one_call or self._dialect is None or self._text(written[-1:]).strip().isalnum():
            return False
        reading = self._dialect.parse(Completion(self._text(written)), strict=True)
        return bool(reading.calls) and reading.error is None

    def _completion(self, index: int, written: list[int]) -> Completion:
        if (
            self._forward is None and index in self._one_call
        ):  # padded batches continue after the call, but the tokens up to the call are the same
            ends_of_call = (end for end in range(1, len(written)) if self._has_called(index, written[:end]))
            written = written[: next(ends_of_call, len(written))]
        stopped = written[-1] in self._stops
        text = self._text(written[:-1] if stopped else written)
        ends = [text.index(mark) for mark in self._dialect_stops if mark in text]
        return Completion(
            text=text[: min(ends)] if ends else text,
            # This completion was ended after its call. The model might have continued.
            stop_reason="stop" if stopped or ends else "unknown" if self._has_called(index, written) else "length",
            usage=Usage(len(self._encoded[index]), len(written)),
        )

    def _text(self, ids: Sequence[int]) -> str:
        # Special tokens stay in the text, because in some dialects they are the markers of a call.
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))


@contextmanager
def _loading(base: Path) -> Iterator[None]:
    """Turn the errors that transformers raises for an unreadable directory into an `InputError`."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{base} cannot be loaded as a causal language model: {str(error).splitlines()[0]}",
            "Use a text model of an architecture that transformers supports, with its tokenizer.",
        ) from error


def _seed(*parts: object) -> int:
    """A hash of `parts`, which is used as a seed."""
    return int(digest(parts), 16) % 2**63
