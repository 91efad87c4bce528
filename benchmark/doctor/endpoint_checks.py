"""Checks what an OpenAI-compatible server does with tools and calls. Each check sends one or two short requests.

Almost all requests ask the same question with greedy decoding. So two replies can be compared, for example a reply with
tools and a reply without tools.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from toolmark.benchmark.core.bounded_http import json_object
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.native import Native
from toolmark.benchmark.doctor.chat_replies import BadReply, ChatReply, Endpoint
from toolmark.benchmark.doctor.findings import Check, Finding, brief, ok, problem, warning
from toolmark.benchmark.doctor.probe_question import LITERAL, MAX_TOKENS, QUESTION, TOOL, TWO_QUESTIONS

__all__ = ["EndpointChecks"]

_FEWEST_TOKENS = 15
"""If the server shows the tool to the model, the prompt has more than this number of additional tokens."""

_CANNOT_JUDGE = "Ask a model that can call tools, to see what the server does with calls."
_OTHER_DIALECT = "Let Toolmark write the tools and read the calls: toolmark eval --dialect tagged"


class EndpointChecks:
    """The checks of one server.

    Args:
        endpoint: The server.
        settings: The names of the variables with the address and the API key of the server. Used in advice.
        dialect: The dialect that an evaluation would use. With `native`, tools and calls must work.
    """

    def __init__(self, endpoint: Endpoint, settings: str, dialect: Dialect) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._native = dialect.name == Native.name
        self._not_needed = f"this does not matter with the dialect {dialect.name}"
        self._lost: list[str] = []
        self.answers = False
        self.calls_arrive = False

    def checks(self) -> Iterator[Check]:
        """Yield the checks. If the server does not answer a question without tools, yield only one check."""
        yield "chat", self._chat
        if not self.answers:
            return
        yield "tools", self._tools
        yield "calls", self._calls
        if self.calls_arrive:
            yield "arguments", self._arguments
            yield "parallel", self._parallel
        yield "streaming", self._streaming
        yield "lost", self._lost_parts

    def _ask(self, question: str = QUESTION, *, tools: bool = True, **more: Any) -> ChatReply:
        return self._endpoint.ask(_body(question, tools=tools, **more))

    def _chat(self) -> Finding:
        try:
            reply = self._plain
        except BadReply as error:
            return problem(f"{self._endpoint.url}: {error.reason}", self._advice(error))
        self.answers = True
        length = f"{reply.output_tokens} tokens, " if reply.output_tokens is not None else ""
        found = f"{self._endpoint.url} answers as {self._endpoint.model} ({length}finish_reason {reply.stop_reason})"
        if not reply.text and not reply.reasoning:
            return warning(f"{found}, but the answer is empty", "Check the server's chat template and its log.")
        return ok(found)

    def _advice(self, error: BadReply) -> str:
        if error.late:
            return "Allow more time: --seconds 600. Or check the server's log."
        if error.status is None:
            return f"Start the server, and check the address in {self._settings}."
        if error.status in (401, 402, 403):
            return f"Check the key in {self._settings}."
        if error.status == 404:
            return f"Check the model's name, and the address in {self._settings}. Most addresses end in /v1."
        if error.status == 429:
            return "Wait, or check the quota of the key. Then run again."
        return f"Check the address in {self._settings}, and the server's log."

    @cached_property
    def _plain(self) -> ChatReply:
        return self._ask(tools=False)

    @cached_property
    def _with_tools(self) -> ChatReply | BadReply:
        try:
            return self._ask()
        except BadReply as error:
            return error

    def _tools(self) -> Finding:
        offered = self._with_tools
        if isinstance(offered, BadReply):
            return self._fails(f"a request with tools fails: {offered.reason}")
        seen = "the model called the offered tool" if any(call.name == TOOL.name for call in offered.calls) else ""
        before, after = self._plain.input_tokens, offered.input_tokens
        if before is None or after is None:
            if seen:
                return ok(f"the model sees tools: {seen}")
            return self._unknown("whether the model sees tools is not known, because the server does not count tokens")
        grown = f"the prompt has {before} tokens without the tool, and {after} with it"
        if seen or after - before > _FEWEST_TOKENS:
            return ok(f"the model sees tools: {grown}{f'; {seen}' if seen else ''}")
        return self._unfit(f"the server does not show tools to the model: {grown}")

    def _unfit(self, found: str, advice: str = _OTHER_DIALECT) -> Finding:
        """Return a problem if the dialect is `native`. Otherwise return `ok`, because the other dialects do not need
        the server's tools.
        """
        return problem(found, advice) if self._native else ok(f"{found}; {self._not_needed}")

    def _unknown(self, found: str) -> Finding:
        """Return the finding that a check had no clear result. A check with another model is perhaps clear."""
        return warning(found, _CANNOT_JUDGE) if self._native else ok(f"{found}; {self._not_needed}")

    def _fails(self, found: str) -> Finding:
        """Return the finding that a request with tools gets no answer."""
        return problem(found, _OTHER_DIALECT) if self._native else warning(found, _OTHER_DIALECT)

    @cached_property
    def _forced(self) -> ChatReply | None:
        """Return the reply to a request that demands a call. Some servers use a grammar to force the model to call."""
        try:
            return self._ask(tool_choice="required")
        except BadReply:
            return None

    def _calls(self) -> Finding:
        offered = self._with_tools
        if isinstance(offered, BadReply):
            return self._fails("not known, because a request with tools fails")
        if offered.calls:
            self.calls_arrive = True
            return ok(f"come back in tool_calls (finish_reason {offered.stop_reason})")
        said = f"the model answered in words: {brief(offered.text[:80])!r}"
        if dialects := _readers_of(offered.text):
            return self._unfit(
                f"come back as text, in the form of {' and '.join(dialects)}: {brief(offered.text[:80])!r}",
                f"Read this form: toolmark eval --dialect {dialects[0]}. Or switch on the server's parser of calls "
                "(vLLM: --enable-auto-tool-choice --tool-call-parser NAME; llama.cpp: --jinja).",
            )
        if self._forced is not None and self._forced.calls:
            self.calls_arrive = True
            return self._unknown(f"come back in tool_calls if a call is required; if not, {said}")
        if not offered.text and not offered.reasoning:
            written = f"{offered.output_tokens} written tokens" if offered.output_tokens else "the question"
            return self._unfit(f"neither text nor a call came back for {written}")
        return self._unknown(f"not known, because {said}")

    @property
    def _called(self) -> tuple[ChatReply, dict[str, Any]]:
        """Return a reply with calls, and the additional fields of the request that made the model call."""
        if isinstance(self._with_tools, ChatReply) and self._with_tools.calls:
            return self._with_tools, {}
        if self._forced is None:
            raise RuntimeError("no request was answered with a call")
        return self._forced, {"tool_choice": "required"}

    def _arguments(self) -> Finding:
        reply, more = self._called
        arguments = reply.calls[0].arguments
        if not isinstance(arguments, str):
            kind = "an object" if isinstance(arguments, dict) else f"of the type {type(arguments).__name__}"
            return self._unfit(
                f"are {kind} instead of text, so the model's own text is lost: {brief(json.dumps(arguments)[:80])}"
            )
        kind = "text" if json_object(arguments) is not None else "text that is not a JSON object"
        form = f"are {kind}: {brief(arguments[:80])}"
        try:
            traced = self._ask(logprobs=True, **more)
        except BadReply:
            traced = ChatReply()
        if traced.written is not None and traced.calls and isinstance(traced.calls[0].arguments, str):
            if traced.calls[0].arguments in traced.written:
                return ok(f"{form}, exactly as the model wrote it")
            return self._unfit(f"{form}, but altered: the model wrote {brief(traced.written[:120])!r}")
        if LITERAL in arguments:
            return ok(f"{form}, not altered, because the number {LITERAL} is unchanged")
        return self._unknown(f"{form}; whether the server altered them is not known, because it has no logprobs")

    def _parallel(self) -> Finding:
        _, more = self._called
        try:
            reply = self._ask(TWO_QUESTIONS, **more)
        except BadReply as error:
            return self._fails(f"a question for two calls fails: {error.reason}")
        if len(reply.calls) > 1:
            return ok(f"{len(reply.calls)} calls of one answer come back in tool_calls")
        if reply.calls and _readers_of(reply.text):
            return self._unfit(
                f"only one of two calls comes back in tool_calls; the other stays text: {brief(reply.text[:80])!r}"
            )
        return self._unknown(f"not known, because {len(reply.calls) or 'no'} call came back for two questions")

    def _streaming(self) -> Finding:
        here = self._with_tools
        if isinstance(here, BadReply):
            return warning("not asked, because a request with tools fails", _OTHER_DIALECT)
        whole, more = self._called if self.calls_arrive else (here, {})
        advice = "Toolmark does not stream, so runs are not affected. Do not compare with a program that does."
        try:
            streamed = self._endpoint.stream(_body(QUESTION, tools=True, **more))
        except BadReply as error:
            return warning(f"fails: {error.reason}", advice)
        if (streamed.text, streamed.calls) == (whole.text, whole.calls):
            return ok("gives the same text and calls as a reply in one piece")
        try:
            repeated = self._ask(**more)
        except BadReply as error:
            return warning(f"differs, and a second request fails: {error.reason}", advice)
        if (repeated.text, repeated.calls) != (whole.text, whole.calls):
            self._lost.append("repeatability (two equal greedy requests got different answers)")
            if (streamed.text, streamed.calls) == (repeated.text, repeated.calls):
                return ok("gives the same text and calls as a later reply in one piece")
            return warning("not known, because equal requests get different answers", advice)
        return warning(f"differs: {_shown(streamed)} instead of {_shown(whole)}", advice)

    def _lost_parts(self) -> Finding:
        lost = list(self._lost)
        if self._plain.input_tokens is None or self._plain.output_tokens is None:
            lost.append("the numbers of tokens (no usage)")
        if self._plain.stop_reason is None:
            lost.append("the reason of the end (no finish_reason)")
        try:
            cut = self._ask(tools=False, max_tokens=1)
        except BadReply as error:
            lost.append(f"a limit of one token is refused ({error.reason})")
        else:
            if (cut.output_tokens or 0) > 2 or len(cut.text) > 40:
                lost.append(f"the limit of tokens (max_tokens 1 gave {cut.output_tokens or len(cut.text.split())})")
            elif cut.stop_reason != "length":
                lost.append(f"that an answer was cut (finish_reason {cut.stop_reason} at max_tokens)")
        if not lost:
            return ok("nothing that these questions show")
        return warning(
            f"the server loses {'; '.join(lost)}", "Read guard.stops, tokens and costs of this server with care."
        )


def _body(question: str, *, tools: bool, **more: Any) -> dict[str, Any]:
    offered = {"tools": [TOOL.as_openai()]} if tools else {}
    fixed = {"messages": [{"role": "user", "content": question}], "max_tokens": MAX_TOKENS, "temperature": 0}
    return fixed | offered | more


def _readers_of(text: str) -> list[str]:
    """Return the names of the dialects that can read a call of the offered tool in `text`."""
    completion = Completion(text)
    found = []
    for name in names("toolmark.dialects"):
        dialect: Dialect = load("toolmark.dialects", name)()
        if any(call.name == TOOL.name for call in dialect.parse(completion, strict=True).calls):
            found.append(name)
    return found


def _shown(reply: ChatReply) -> str:
    calls = ", ".join(f"{call.name} {call.arguments}" for call in reply.calls)
    return brief(repr(f"{reply.text} {calls}".strip()[:100]))
