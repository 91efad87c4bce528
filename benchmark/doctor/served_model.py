"""Checks a served model. As in a run, Inspect's provider finds the address of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib.util import find_spec

from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.data.cases import Case, Message
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects.native import Native
from toolmark.benchmark.doctor.case_cost import case_cost
from toolmark.benchmark.doctor.chat_replies import Endpoint
from toolmark.benchmark.doctor.endpoint_checks import EndpointChecks
from toolmark.benchmark.doctor.findings import Check, Finding, brief, ok, problem, warning
from toolmark.benchmark.doctor.probe_question import MAX_TOKENS, QUESTION, TOOL
from toolmark.benchmark.doctor.prompt_checks import prompt_checks
from toolmark.benchmark.engine.runtimes.connect import runtime_at
from toolmark.benchmark.engine.served_requests import Refused, ServedModel, Unanswered
from toolmark.benchmark.evaluation.contestant import Contestant

__all__ = ["ServedModelChecks"]


class ServedModelChecks:
    """The checks of a served model.

    Args:
        contestant: The contestant of an evaluation, whose candidate is of the kind `inspect`.
        cases: The default cases.
        seconds: The limit on the time of one request.
    """

    def __init__(self, contestant: Contestant, cases: list[Case], seconds: float) -> None:
        self._candidate = contestant.candidate
        self._dialect = contestant.dialect
        self._reason = contestant.dialect_reason
        self._template_args = contestant.template_args.args
        self._cases = cases
        self._seconds = seconds
        self._answers = False
        self._calls_arrive = False

    def checks(self) -> Iterator[Check]:
        """Yield the checks. If the server does not answer the first question, its calls and the cost of a case are not
        checked.
        """
        try:
            model = ServedModel(self._candidate.base, RequestLimits(1, self._seconds, 0))
        except EnvironmentFault as error:
            client = "" if find_spec("openai") else " Most servers need: pip install 'toolmark[api]'"
            fault = problem(brief(error.what), error.fix + client)
            yield "provider", lambda: fault
            return
        address = model.address
        if address is not None:
            endpoint = Endpoint(address.url, address.headers, address.model, self._seconds)
            probe = EndpointChecks(endpoint, _settings(self._candidate.base), self._dialect)
            yield from probe.checks()
            self._answers, self._calls_arrive = probe.answers, probe.calls_arrive
            if self._answers:
                yield from prompt_checks(runtime_at(address, self._seconds), self._dialect)
        else:
            yield "chat", lambda: self._chat(model)
            if self._answers:
                yield "calls", lambda: self._calls(model)
        yield "dialect", self._dialect_finding
        if self._answers:
            yield "case", self._cost_finding

    def _chat(self, model: ServedModel) -> Finding:
        try:
            completion = _asked(model, tools=False)
        except (EnvironmentFault, Refused, Unanswered) as error:
            return problem(
                brief(error.what if isinstance(error, EnvironmentFault) else error),
                "Check the provider's address, the model's name and the key.",
            )
        self._answers = True
        return ok(f"answers ({completion.usage.output_tokens} tokens), asked by Inspect's provider")

    def _calls(self, model: ServedModel) -> Finding:
        unseen = "the raw replies of this provider's API are not visible here, so arguments are perhaps altered"
        try:
            completion = _asked(model, tools=True)
        except (EnvironmentFault, Refused, Unanswered) as error:
            return warning(
                f"a request with tools fails: {brief(error)}", "Use a dialect in text: toolmark eval --dialect tagged"
            )
        self._calls_arrive = bool(completion.tool_calls)
        if self._calls_arrive:
            return ok(f"come back as calls; {unseen}")
        return warning(
            f"the model answered in words: {brief(completion.text[:80])!r}; {unseen}",
            "Ask a model that can call tools, or use a dialect in text: toolmark eval --dialect tagged",
        )

    def _cost_finding(self) -> Finding:
        return case_cost(self._candidate, None, self._dialect, self._template_args, self._cases, self._seconds)

    def _dialect_finding(self) -> Finding:
        found = f"{self._dialect.name} ({self._reason})"
        if self._calls_arrive and self._dialect.name != Native.name:
            found += "; this server reads calls itself, so compare with --dialect native"
        return ok(found)


def _asked(model: ServedModel, *, tools: bool) -> Completion:
    prompt = Prompt((Message(role="user", content=QUESTION),), (TOOL,) if tools else ())
    return asyncio.run(model.ask(prompt, {"max_tokens": MAX_TOKENS, "temperature": 0}))


def _settings(name: str) -> str:
    """Return the names of the variables with the address and the API key of an OpenAI-compatible server."""
    provider, _, rest = name.partition("/")
    service = rest.partition("/")[0] if provider == "openai-api" else provider
    variable = service.upper().replace("-", "_")
    return f"{variable}_BASE_URL and {variable}_API_KEY"
