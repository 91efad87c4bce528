"""Generates completions with transformers on this machine. All prompts of a run are encoded and continued together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.adapters import AdaptedModel
from toolmark.benchmark.engine.base_model import load_base
from toolmark.benchmark.engine.call_probability import CallProbability
from toolmark.benchmark.engine.decode_loop import DecodeLimits, Forward, decode
from toolmark.benchmark.engine.devices import DEVICES, memory, naming_missing_operations
from toolmark.benchmark.engine.finite_logits import (
    NoNumbers,
    check_computes,
    first_without_numbers,
    no_numbers,
    vocabulary,
)
from toolmark.benchmark.engine.generation_progress import GenerationProgress
from toolmark.benchmark.engine.kept_sequences import KeptSequences
from toolmark.benchmark.engine.loading_errors import loading
from toolmark.benchmark.engine.packed_forward import packed_forward
from toolmark.benchmark.engine.padded_batches import LAYOUT, write_padded
from toolmark.benchmark.engine.prepared_prompts import PreparedPrompts
from toolmark.benchmark.engine.thought_tokens import ThoughtTokens
from toolmark.benchmark.engine.thread_choice import use_threads
from toolmark.benchmark.engine.token_choice import chooser, seed_of
from toolmark.benchmark.engine.tokenizer import hash_of_template

__all__ = ["LocalEngine"]

_LARGEST_BATCH = 64
"""Highest number of sequences in a batch."""

_TOKENS_PER_SEQUENCE = 1024
"""Assumed number of unshared tokens per sequence, for computing how many sequences fit into the memory."""


class LocalEngine:
    """Generates completions with a base model in memory, with or without an adapter.

    Args:
        base: The directory of the base model.
        decoding: The decoding options.
        device: Name of a device in `DEVICES`.
        dtype: Name of a torch dtype.
        threads: Number of processor threads. None means one thread for a small model, and the faster number for others.
        model: The model, if it is in memory already. None means that the weights in `base` are loaded.

    Raises:
        InputError: The weights or the tokenizer in the directory are missing or cannot be read.
        EnvironmentFault: The tokenizer needs a package that is not installed.
    """

    def __init__(
        self,
        base: Path,
        decoding: Decoding,
        *,
        device: str,
        dtype: str,
        threads: int | None = None,
        model: AdaptedModel | None = None,
    ) -> None:
        self._base = base
        self._decoding = decoding
        self._device = device
        self._dtype = dtype
        self._thread_option = threads
        self._adapter: Path | None = None
        self._given_model = model
        self._stops: tuple[int, ...] = ()
        self._vocabulary = 0
        self._goes_on = False
        self._kept: dict[int, KeptSequences] = {}
        self._calls: CallProbability | None = None
        self._call_threshold: float | None = None
        self._prompts = PreparedPrompts(base, decoding)

    @cached_property
    def _model(self) -> AdaptedModel:
        """Return the model. It is loaded at the first use, because prompts can be checked without the model."""
        import torch

        if self._given_model is not None:
            self._vocabulary = vocabulary(self._given_model.plain)
            return self._given_model
        megabytes = sum(file.stat().st_size for file in self._base.glob("*.safetensors")) / 1e6
        with phase(f"loading {megabytes:,.0f} MB"):
            model = load_base(self._base, getattr(torch, self._dtype))
        use_threads(self._thread_option, self._device, model.num_parameters())
        with loading(self._base), naming_missing_operations(self._device):
            placed = model.eval().to(DEVICES[self._device].torch_name)  # type: ignore[no-untyped-call]
            check_computes(placed, self._base, self._dtype)
        self._vocabulary = vocabulary(placed)
        loaded = AdaptedModel(placed, self._base)
        loaded.set_adapter(self._adapter)
        return loaded

    def set_adapter(self, adapter: Path | None) -> None:
        """Use this adapter from now on, or the base alone if `adapter` is None.

        Raises:
            InputError: The adapter does not fit the base.
        """
        self._adapter = adapter
        self._kept.clear()
        if "_model" in self.__dict__:
            self._model.set_adapter(adapter)

    def set_call_threshold(self, threshold: float | None) -> None:
        """From now on, call if the probability of a call is above the threshold. With None, the model decides."""
        self._call_threshold = threshold

    def prepare(
        self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int] = (), *, goes_on: bool = False
    ) -> None:
        """Encode all prompts. Completions of the prompts in `one_call` end after the first complete call.

        With `goes_on`, the keys and values of the prompts and completions are kept. Later prompts that begin with the
        same tokens use these keys and values.

        Raises:
            PromptTooLong: A prompt leaves no room for an answer.
            InputError: The errors of `PreparedPrompts.prepare`.
        """
        self._goes_on = goes_on
        self._prompts.prepare(prompts, dialect, one_call, forced=self._call_threshold is not None)

    @cached_property
    def _forward(self) -> Forward | None:
        """Return a function for packed passes over shared prefixes, or None if they are not possible."""
        with phase("checking that prompts can share their beginnings"):
            return packed_forward(self._model.plain)

    @property
    def _max_sequences(self) -> int:
        """Return the number of sequences whose keys and values fit into a quarter of the memory."""
        return int(max(1, min(_LARGEST_BATCH, self._room_for_tokens // _TOKENS_PER_SEQUENCE)))

    @cached_property
    def _room_for_tokens(self) -> int:
        """Return the number of tokens whose keys and values fit into a quarter of the memory.

        The whole memory is meant, including memory that is in use. Otherwise the batch size would be different in every
        run. In bf16, another batch size can give other tokens.
        """
        config = self._model.plain.config.get_text_config()
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        token_bytes = 2 * config.num_hidden_layers * heads * size * self._model.plain.dtype.itemsize
        return int(memory(self._device) // 4 // token_bytes)

    def environment(self) -> dict[str, Any]:
        """Return the device, the number of threads, the layout of the batches, and the hash of the template's text.

        This method loads the weights, because the number of threads depends on the number of parameters.
        """
        import torch

        _ = self._model
        layout = LAYOUT if self._forward is None else {"prefixes": "shared", "rows": self._max_sequences}
        fields = {"engine": "transformers", "device": self._device, "threads": torch.get_num_threads(), "batch": layout}
        template = hash_of_template(self._prompts.tokenizer)
        return fields if template is None else fields | {"template": template}

    def notes(self) -> tuple[str, ...]:
        """Return no lines, because every prompt is answered."""
        return ()

    def answer(
        self, indices: Sequence[int], epoch: int = 1, progress: GenerationProgress | None = None
    ) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion) as soon as a completion has ended.

        Raises:
            InputError: The logits of the model are NaN or infinite, or the tokenizer belongs to another model.
        """
        prompts = {index: self._prompts.ids[index] for index in indices}
        for index, tokens in self._tokens(prompts, epoch, progress):
            yield index, self._completion(index, tokens, index)

    def sample(
        self, indices: Sequence[int], draws: int, epoch: int = 1
    ) -> Iterator[tuple[int, int, list[int], Completion]]:
        """Yield (index, draw, token ids, completion) for several random completions of each prompt.

        Each prompt is read only once for all of its completions. The token ids include the stop token. Thoughts count
        against the highest number of tokens. The decoding options must have a temperature.

        Args:
            indices: Indices of prompts. Every index occurs once.
            draws: Number of completions of each prompt.
            epoch: Another epoch gives other random numbers.

        Raises:
            InputError: The logits of the model are NaN or infinite.
        """
        count = len(self._prompts.ids)
        prompts = {draw * count + index: self._prompts.ids[index] for index in indices for draw in range(draws)}
        for number, tokens in self._tokens(prompts, epoch, None, lambda number: (number // count,)):
            draw, index = divmod(number, count)
            yield index, draw, tokens, self._completion(index, tokens, number)

    def _without_numbers(self, prompt: Sequence[int]) -> InputError:
        """Return the error for a model whose logits are not finite. The error says whether the adapter is the cause."""
        adapter, model = self._adapter, self._model
        where = first_without_numbers(model.plain, prompt)
        model.set_adapter(None)
        of_base = first_without_numbers(model.plain, prompt)
        model.set_adapter(adapter)
        return no_numbers(self._base, None if of_base else adapter, of_base or where, self._dtype)

    def _tokens(
        self,
        prompts: Mapping[int, Sequence[int]],
        epoch: int,
        progress: GenerationProgress | None,
        seeded_by: Callable[[int], tuple[int, ...]] = lambda _: (),
    ) -> Iterator[tuple[int, list[int]]]:
        """Yield the new tokens of each prompt. The seed of a prompt also depends on the result of `seeded_by`."""
        import torch

        self._stops = self._prompts.stops(self._model.ends)
        self._prompts.check_vocabulary(prompts, self._vocabulary)
        self._prompts.begin(prompts)
        self._calls = None
        if self._prompts.opening is not None:
            thoughts, threshold = ThoughtTokens(self._prompts.text), self._call_threshold
            ends = [stop for stop in self._stops if stop < self._vocabulary]
            self._calls = CallProbability(self._prompts.opening, thoughts, prompts, ends, threshold)
        with naming_missing_operations(self._device):
            if self._forward is None:
                if self._decoding.temperature > 0:
                    torch.manual_seed(seed_of(self._decoding.seed, epoch, *prompts.values()))
                generated = write_padded(prompts, self._model.plain, self._generation_config(), progress, self._calls)
            else:
                ended = self._prompts.ended if self._prompts.end_early else None
                limits = DecodeLimits(
                    self._decoding.all_tokens, frozenset(self._stops), self._max_sequences, ended=ended
                )
                earlier, kept = self._kept.pop(epoch, KeptSequences()), KeptSequences()
                if self._goes_on:
                    others = sum(one.tokens for one in self._kept.values())
                    self._kept[epoch] = kept = KeptSequences(self._room_for_tokens // 2 - others)
                seed = self._decoding.seed
                choose = chooser(self._decoding, lambda index: seed_of(seed, epoch, *seeded_by(index), prompts[index]))
                choose = choose if self._calls is None else self._calls.watch(choose)
                generated = decode(prompts, self._forward, choose, limits, progress, earlier=earlier, kept=kept)
            try:
                yield from generated
            except NoNumbers as error:
                raise self._without_numbers(prompts[error.index]) from None

    def _generation_config(self) -> Any:
        from transformers import GenerationConfig

        sampling = self._decoding.temperature > 0
        return GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=self._decoding.all_tokens,
            do_sample=sampling,
            temperature=self._decoding.temperature if sampling else None,
            top_k=0 if sampling else None,
            top_p=1.0 if sampling else None,
            eos_token_id=list(self._stops),
            pad_token_id=self._stops[0],
        )

    def _completion(self, index: int, written: list[int], number: int) -> Completion:
        if self._forward is None and self._prompts.end_early:
            # In padded batches, a sequence goes on after its end. So the tokens after the end are removed here.
            ends = (end for end in range(1, len(written)) if self._prompts.ended(index, written[:end]))
            written = written[: next(ends, len(written))]
        found = None if self._calls is None else self._calls.found.get(number)
        return self._prompts.completion(index, written, self._stops, found)
