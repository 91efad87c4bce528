"""Generates completions with vLLM on this machine.

vLLM gets the token ids that `PreparedPrompts` makes, and never its own chat template. It returns token ids and
log-probabilities after each step. So ends, texts and the probability of a call are found as in `LocalEngine`. But vLLM
computes in other batches and with other kernels. So a completion is sometimes another one: see `engine_probe`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.engine_options import EngineOptions
from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.call_probability import CallProbability
from toolmark.benchmark.engine.engine_probe import EngineProbe
from toolmark.benchmark.engine.finite_logits import no_numbers
from toolmark.benchmark.engine.generation_progress import GenerationProgress
from toolmark.benchmark.engine.model_config import configured_stops
from toolmark.benchmark.engine.prepared_prompts import PreparedPrompts
from toolmark.benchmark.engine.thought_tokens import ThoughtTokens
from toolmark.benchmark.engine.token_choice import seed_of
from toolmark.benchmark.engine.tokenizer import hash_of_template
from toolmark.benchmark.engine.vllm_adapters import VllmAdapters
from toolmark.benchmark.engine.vllm_limits import rank_for_vllm
from toolmark.benchmark.engine.vllm_runtime import VllmRuntime, VllmSettings

__all__ = ["VllmEngine"]

_MOST_LISTED = 128
"""Highest number of tokens for which vLLM returns log-probabilities by their ids."""

_MOST_LIKELY = 20
"""Number of the most likely tokens whose log-probabilities are asked for, if a call can begin with too many tokens."""

_CHARACTERS_OF_A_TOKEN = 4


@dataclass(slots=True)
class _Answer:
    """A completion that is being written.

    Attributes:
        index: The index of its prompt.
        number: Its place in the order of the requests.
        written: The token ids so far.
    """

    index: int
    number: int
    written: list[int] = field(default_factory=list)


class VllmEngine:
    """Generates completions with a base model in vLLM, with or without an adapter.

    The model is loaded at the first use, because prompts can be checked without the model.

    Args:
        base: The directory of the base model.
        decoding: The decoding options.
        device: Name of a device in `DEVICES`.
        dtype: Name of a torch dtype.
        options: The options of the engine.
        threads: Number of processor threads. None means one thread for a small model, and the faster number for others.
        adapters: The adapters that will be set. Others can be set, too, if `serves` returns True for them.

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
        options: EngineOptions,
        threads: int | None = None,
        adapters: Sequence[Path] = (),
    ) -> None:
        self._base, self._decoding, self._dtype = base, decoding, dtype
        # Random answers of two engines differ, even if both compute the same probabilities.
        self._probe = EngineProbe(
            base, decoding, options.probe if decoding.temperature == 0 else 0, device, dtype, threads
        )
        self._settings = VllmSettings(
            device=device,
            dtype=dtype,
            threads=threads,
            tensor_parallel=options.tensor_parallel,
            probe=self._probe.cases > 0,
            adapters=len(set(adapters)),
            rank=rank_for_vllm(adapters),
            seed=decoding.seed,
        )
        self._prompts = PreparedPrompts(base, decoding)
        self._adapters = VllmAdapters(base)
        self._adapter: Path | None = None
        self._requests = 0
        self._known: dict[int, Completion] = {}

    @cached_property
    def _runtime(self) -> VllmRuntime:
        return VllmRuntime(self._base, self._settings)

    @cached_property
    def _configured_stops(self) -> int | list[int] | None:
        return configured_stops(self._base)

    def serves(self, adapters: Collection[Path]) -> bool:
        """Return whether the engine can serve these adapters, too. Its highest rank is fixed when it starts."""
        room = self._settings.adapters > 0 and rank_for_vllm(list(adapters)) <= self._settings.rank
        return room or not adapters

    def set_adapter(self, adapter: Path | None) -> None:
        """Use this adapter from now on, or the base alone if `adapter` is None."""
        self._adapter = adapter
        self._known.clear()

    def prepare(
        self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int] = (), *, goes_on: bool = False
    ) -> None:
        """Encode all prompts. Completions of the prompts in `one_call` end after the first complete call.

        vLLM keeps the keys and values of earlier prompts and completions by itself.

        Raises:
            PromptTooLong: A prompt leaves no room for an answer.
            InputError: The errors of `PreparedPrompts.prepare`.
        """
        self._known.clear()
        self._probe.prepare(() if goes_on else prompts, dialect, one_call)
        self._prompts.prepare(prompts, dialect, one_call)

    def environment(self) -> dict[str, Any]:
        """Return the version of vLLM, the device, the layout of the batches, the hash of the template and the probe.

        This method loads the weights. If prompts are prepared, it answers the cases of the probe.
        """
        fields = self._runtime.environment()
        template = hash_of_template(self._prompts.tokenizer)
        fields |= {} if template is None else {"template": template}
        if probed := self._probe.indices(self._prompts.too_long):
            self._known = dict(self.answer(probed))
            fields["probe"] = self._probe.compare(self._known, self._adapter)
        return fields

    def notes(self) -> tuple[str, ...]:
        """Return a line with the result of the probe."""
        return self._probe.notes()

    def close(self) -> None:
        """End vLLM's engine, and free its memory."""
        self._adapters.close()
        if "_runtime" in self.__dict__:
            self.__dict__.pop("_runtime").close()

    def answer(
        self, indices: Sequence[int], epoch: int = 1, progress: GenerationProgress | None = None
    ) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion) as soon as a completion has ended. Answers of the probe are not generated again.

        Raises:
            InputError: The model computes NaN or infinite numbers, or the tokenizer belongs to another model.
            EnvironmentFault: A prompt with its answer does not fit into the memory.
        """
        known = [index for index in indices if epoch == 1 and index in self._known]
        yield from ((index, self._known[index]) for index in known)
        prompts = {index: self._prompts.ids[index] for index in indices if index not in known}
        if prompts:
            yield from self._generate(prompts, epoch, progress or GenerationProgress())

    def _generate(
        self, prompts: Mapping[int, Sequence[int]], epoch: int, progress: GenerationProgress
    ) -> Iterator[tuple[int, Completion]]:
        runtime, engine = self._runtime, self._runtime.engine
        self._check_fit(prompts)
        stops = self._prompts.stops(self._configured_stops)
        self._prompts.begin(prompts)
        calls = None
        if self._prompts.opening is not None:
            calls = CallProbability(self._prompts.opening, ThoughtTokens(self._prompts.text), prompts)
        adapter = None if self._adapter is None else self._adapters.request(self._adapter)
        # Prompts with the same beginning follow each other, so the beginning is still in vLLM's cache.
        order = sorted(prompts, key=lambda index: (prompts[index], index))
        work = progress.served(
            [_CHARACTERS_OF_A_TOKEN * len(prompts[index]) for index in order],
            int(engine.vllm_config.scheduler_config.max_num_seqs),
        )
        listed = self._listed()
        open_answers: dict[str, _Answer] = {}
        try:
            for number, index in enumerate(order):
                self._requests += 1
                name = str(self._requests)
                open_answers[name] = _Answer(index, number)
                params = self._params(seed_of(self._decoding.seed, epoch, prompts[index]), stops, listed)
                engine.add_request(name, {"prompt_token_ids": list(prompts[index])}, params, lora_request=adapter)
            while open_answers:
                for output in engine.step():
                    answer = open_answers.get(output.request_id)
                    if answer is None:
                        continue
                    ended = self._take(answer, output.outputs[0], calls)
                    if ended and not output.finished:
                        engine.abort_request([output.request_id])
                    if ended or output.finished:
                        del open_answers[output.request_id]
                        work.ended(answer.number)
                        found = None if calls is None else calls.found.get(answer.index)
                        yield answer.index, self._prompts.completion(answer.index, answer.written, stops, found)
        finally:
            if open_answers and "_runtime" in self.__dict__ and self._runtime is runtime:
                engine.abort_request(list(open_answers))

    def _check_fit(self, prompts: Mapping[int, Sequence[int]]) -> None:
        vocabulary = int(self._runtime.engine.model_config.get_vocab_size())
        self._prompts.check_vocabulary(prompts, vocabulary)
        longest = max(map(len, prompts.values())) + self._decoding.all_tokens
        if longest > self._runtime.context:
            raise EnvironmentFault(
                f"the longest prompt with its answer can have {longest:,} tokens, but vLLM has memory for "
                f"{self._runtime.context:,}",
                "Allow shorter answers (--max-tokens N), set VLLM_CPU_KVCACHE_SPACE to more gigabytes on a processor, "
                "or write --engine transformers",
            )

    def _params(self, seed: int, stops: Sequence[int], listed: Mapping[str, Any]) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        temperature = self._decoding.temperature
        return SamplingParams(
            max_tokens=self._decoding.all_tokens,
            temperature=temperature,
            seed=seed if temperature > 0 else None,
            stop_token_ids=list(stops),
            ignore_eos=True,  # The stop tokens of the model are among `stops`.
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
            **listed,
        )

    def _listed(self) -> dict[str, Any]:
        """Return which log-probabilities vLLM returns: those of the tokens with which a call begins or goes on.

        In large vocabularies, many tokens go on with a call after its first character. Those that are not listed are
        hardly ever needed, because the first token usually decides.
        """
        opening = self._prompts.opening
        if opening is None:
            return {"logprobs": 0}
        if len(opening.openers("")) > _MOST_LISTED:
            return {"logprobs": _MOST_LIKELY}
        return {"logprob_token_ids": opening.every_opener()[:_MOST_LISTED]}

    def _take(self, answer: _Answer, output: Any, calls: CallProbability | None) -> bool:
        """Take the new tokens of an answer. Return whether the answer must end here."""
        listed = output.logprobs or [{}] * len(output.token_ids)
        for token, chances in zip(output.token_ids, listed, strict=True):
            logs = {other: float(one.logprob) for other, one in chances.items()}
            if token in logs and not math.isfinite(logs[token]):
                raise no_numbers(self._base, self._adapter, None, self._dtype)
            answer.written.append(int(token))
            if calls is not None:
                calls.read(answer.index, logs)
                calls.after([answer.index], [int(token)])
            if self._prompts.end_early and self._prompts.ended(answer.index, answer.written):
                return True
        return False
