"""Checks of a model that runs on this machine: its weights, chat template, dialect and context length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from toolmark.benchmark.candidates.recipes import is_recipe
from toolmark.benchmark.candidates.weights import Weights, to_download
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hub import by_hand, probe
from toolmark.benchmark.core.time_limit import within
from toolmark.benchmark.data.cases import Case, Message
from toolmark.benchmark.data.completions import Prompt
from toolmark.benchmark.dialects.native import Native
from toolmark.benchmark.doctor.case_cost import case_cost
from toolmark.benchmark.doctor.findings import Check, Finding, ok, problem, warning
from toolmark.benchmark.doctor.probe_question import QUESTION, TOOL
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.evaluation.contestant import Contestant

__all__ = ["LocalModelChecks"]

_LONGEST_PROMPTS = 20
"""To find the prompt with the most tokens, this number of prompts is encoded: those with the most characters."""

_PROBE_SECONDS = 3.0
"""The limit on the time of a request to the hub in seconds, including the look-up of the hub's address."""

_QUESTION = Message(role="user", content=QUESTION)


class LocalModelChecks:
    """The checks of a model that is loaded from weights.

    Args:
        contestant: The contestant of an evaluation, whose candidate is of the kind `local` or `hub`.
        cases: The default cases.
    """

    def __init__(self, contestant: Contestant, cases: list[Case]) -> None:
        candidate = contestant.candidate
        self._recipe = candidate.adapter if candidate.adapter and is_recipe(Path(candidate.adapter)) else None
        self._candidate = replace(candidate, adapter=None) if self._recipe else candidate
        self._dialect = contestant.dialect
        self._reason = contestant.dialect_reason
        self._template_args = contestant.template_args.args
        self._cases = cases
        self._has_weights = False
        self._shows_tools = False

    def checks(self) -> Iterator[Check]:
        """Yield the checks of this model. If there are no usable weights, yield only the checks of the weights and the
        dialect.
        """
        yield "weights", self._weights_finding
        if self._has_weights:
            yield "template", self._template_finding
        yield "dialect", self._dialect_finding
        if self._has_weights:
            yield "context", self._context_finding
            yield "case", self._cost_finding

    @cached_property
    def _weights(self) -> Weights:
        return locate(self._candidate)

    @cached_property
    def _tokenizer(self) -> Any:
        from toolmark.benchmark.engine.tokenizer import open_tokenizer

        return open_tokenizer(self._weights.base)

    def _weights_finding(self) -> Finding:
        absent = [name for name in ("torch", "transformers", "safetensors") if find_spec(name) is None]
        if absent:
            return problem(f"not installed: {', '.join(absent)}", "Install: pip install 'toolmark[local]'")
        missing = to_download(self._candidate)
        if missing:
            for repo, revision, file in missing:
                try:
                    within(_PROBE_SECONDS, partial(probe, repo, revision, file=file))
                except TimeoutError as error:
                    return problem(
                        f"{repo} is not on this machine, and the hub gives {error}",
                        f"Connect to the network, or download the model on another: {by_hand(repo, 'model', file)}",
                    )
            names = " and ".join(repo for repo, _, _ in missing)
            return warning(
                f"{names} is not on this machine; the hub allows the download, and a run starts with it",
                f"Download it now: {'; '.join(by_hand(repo, 'model', file) for repo, _, file in missing)}",
            )
        from toolmark.benchmark.engine.devices import choose_device, choose_dtype, memory
        from toolmark.benchmark.engine.weight_files import count_parameters

        parameters = count_parameters(self._weights.base)
        size = sum(file.stat().st_size for file in self._weights.base.glob("*.safetensors"))
        device = choose_device("auto")
        dtype = choose_dtype("auto", device)
        needed = parameters * (2 if "16" in dtype else 4)
        found = f"{self._weights.base}: {_count(parameters)} parameters, {size / 1e6:,.0f} MB"
        found += f"; {needed / 1e6:,.0f} MB in {dtype}"
        if self._recipe:
            found += f"; the adapter is made by the recipe {self._recipe} when a run starts"
        elif self._weights.adapter is not None:
            found += f"; adapter {self._weights.adapter}"
        if needed > memory(device):
            return problem(
                f"{found}, more than the memory of {device}", "Use a smaller model, or a machine with more memory."
            )
        self._has_weights = True
        return ok(found)

    def _template_finding(self) -> Finding:
        from toolmark.benchmark.engine.encoding import check_readable, encode, stop_ids

        prompt = Prompt((_QUESTION,), template_args=self._template_args)
        encode(prompt, self._tokenizer)  # These lines raise an error if there is no template, or if it hides a text.
        stop_ids(self._tokenizer, None, self._template_args)
        prompt = replace(prompt, tools=(TOOL,))
        try:
            encode(prompt, self._tokenizer)
            check_readable(prompt, self._tokenizer, Native())
        except InputError as error:
            if self._dialect.name == Native.name:
                raise
            return ok(f"writes turns; the dialect native is not possible, because {error.what}")
        self._shows_tools = True
        return ok("writes turns, shows tools, and writes calls that Toolmark reads: the dialect native is possible")

    def _dialect_finding(self) -> Finding:
        found = f"{self._dialect.name} ({self._reason})"
        if self._shows_tools and self._dialect.name != Native.name and self._reason == "default":
            found += "; the template also shows tools, so compare with --dialect native"
        return ok(found)

    def _context_finding(self) -> Finding:
        from toolmark.benchmark.engine.encoding import encode
        from toolmark.benchmark.engine.model_config import context_length

        context = context_length(self._weights.base)
        prompts = (self._dialect.render(case.messages, case.toolbox.tools) for case in self._cases)
        long = [replace(one, template_args=self._template_args) for one in sorted(prompts, key=_characters)]
        longest = max(len(encode(prompt, self._tokenizer).ids) for prompt in long[-_LONGEST_PROMPTS:])
        needed = longest + Decoding().max_tokens
        asked = f"the longest of the {len(self._cases):,} shipped cases needs {needed:,}"
        if context is None:
            return ok(f"the length is not known; {asked}")
        if needed > context:
            return warning(
                f"{context:,} tokens, but {asked}", "Leave out cases that do not fit: toolmark eval --skip-too-long"
            )
        return ok(f"{context:,} tokens; {asked}")

    def _cost_finding(self) -> Finding:
        return case_cost(self._candidate, self._weights, self._dialect, self._template_args, self._cases)


def _characters(prompt: Prompt) -> int:
    shown: list[Any] = [tool.shown() for tool in prompt.tools]
    return sum(len(message.content) for message in prompt.messages) + len(str(shown))


def _count(parameters: int) -> str:
    return f"{parameters / 1e9:.2f}B" if parameters >= 1e9 else f"{parameters / 1e6:.1f}M"
