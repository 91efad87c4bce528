"""Measures how many seconds and tokens a case takes: two of the default cases are answered as in a run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.config.template_args import TemplateArgs
from toolmark.benchmark.core.durations import duration
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import total
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.doctor.findings import Finding, brief, ok, problem
from toolmark.benchmark.engine import NotAnswered, PromptTooLong
from toolmark.benchmark.engine.devices import choose_device, choose_dtype
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.readers.case_selection import limited

__all__ = ["case_cost"]

_CASES = 2
_MAX_TOKENS = 64
"""Answers are cut after this number of tokens, so that the measurement ends soon. Most calls are shorter."""


def case_cost(
    candidate: Candidate,
    weights: Weights | None,
    dialect: Dialect,
    template_args: TemplateArgs,
    cases: Sequence[Case],
    timeout: float = 60.0,
) -> Finding:
    """Answer two cases, and say how long a case takes.

    Args:
        candidate: The candidate.
        weights: The directories of a local candidate.
        dialect: The candidate's dialect.
        template_args: The arguments of the chat template.
        cases: The cases. Two of them are answered.
        timeout: The limit on the time of one request to a served model, in seconds.

    Raises:
        InputError, EnvironmentFault: The candidate cannot be loaded or run. A run raises the same errors.
    """
    chosen = limited(cases, _CASES)
    device = choose_device("auto") if weights is not None else ""
    dtype = choose_dtype("auto", device) if device else ""
    began = time.perf_counter()
    with Engines(Decoding(max_tokens=_MAX_TOKENS), requests=RequestLimits(1, timeout, 0)) as engines:
        engine = engines.open(candidate, weights, device, dtype, chosen)
        try:
            prompts = (dialect.render(case.messages, case.toolbox.tools) for case in chosen)
            engine.prepare([replace(prompt, template_args=template_args) for prompt in prompts], dialect)
            engine.environment()  # This call loads the weights.
            loaded = time.perf_counter()
            answers = [completion for _, completion in engine.answer(range(_CASES))]
            ended = time.perf_counter()
        except PromptTooLong as error:
            return problem(
                f"a prompt has {max(error.lengths.values()):,} tokens, but the context has room for {error.room:,}",
                "Use a model with a longer context.",
            )
        except NotAnswered as error:
            return problem(
                f"not answered: {brief(next(iter(error.reasons.values())))}",
                "See the lines above, and check the server's log.",
            )
    seconds = (ended - loaded) / _CASES
    usage = total(completion.usage for completion in answers)
    tokens = f"{usage.input_tokens // _CASES:,} tokens read, {usage.output_tokens / _CASES:.0f} written"
    found = f"{seconds:.2g} s a case (measured on {_CASES} cases: {tokens})"
    found += f"; the {len(cases):,} shipped cases take {duration(seconds * len(cases))}"
    if weights is None:
        return ok(f"{found} with one request at a time, and less with --connections")
    return ok(
        f"{found} or less, because a run reads the shared part of prompts only once; {loaded - began:.0f} s to load"
    )
