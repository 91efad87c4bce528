"""Sends the requests of each role, and reads the replies.

If a reply cannot be used, the model is asked a second time. The second request explains the error in the first reply.
If the second reply cannot be used either, the question is dropped, and the rejection is counted. Toolmark never changes
a reply.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.thinking import without_thinking
from toolmark.benchmark.dialects.typed_arguments import typed
from toolmark.benchmark.scoring.answers import uses_result
from toolmark.benchmark.tools.sandbox import Result
from toolmark.benchmark.tools.schemas import problems, validator_of
from toolmark.generators.stages import Stage
from toolmark.generators.teacher.options import Role
from toolmark.generators.teacher.prompt_files import RolePrompts
from toolmark.generators.teacher.recorded_requests import RecordedRequests, RequestLabel

__all__ = ["CallerReply", "Roles", "UnusableReply"]

MAX_QUERY = 2000
MAX_ANSWER = 4000
_HARD = (
    "They are hard: the user speaks of a situation, and what is wanted must be read out of it; values stand scattered, "
    "beside others that do not matter."
)
_EASY = "They are easy: short and plain, each in another wording."
_TYPOS = " Some of them have typing errors, but never in a value."

Value = TypeVar("Value")


class UnusableReply(Exception):
    """The first and the second reply are unusable. `stage` and `reason` describe the failure of the second reply."""

    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage
        self.reason = reason


class _WrongReply(Exception):
    """One reply cannot be used. The model is asked once more."""

    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage, self.reason = stage, reason


class CallerReply(NamedTuple):
    """The caller's reply.

    Attributes:
        call: The call. None if the reply is an answer in plain words.
        result: The result of the call. None if the tool is not allowed to run.
        text: The answer in plain words. Empty if the reply is a call.
    """

    call: Call | None
    result: Result | None
    text: str


class Roles:
    """The three roles: query writer, caller and answerer.

    Args:
        requests: Sends requests to the models of the roles.
        prompts: The prompts of the roles.
        dialect: Shows the tools to the caller, and parses the caller's calls.
        execute: A function that runs a call.
    """

    def __init__(
        self,
        requests: RecordedRequests,
        prompts: RolePrompts,
        dialect: Dialect,
        execute: Callable[[Tool, dict[str, Any]], Result],
    ) -> None:
        self._requests = requests
        self._prompts = prompts
        self._dialect = dialect
        self._execute = execute

    async def queries(self, tool: Tool, hard: bool, draw: int, count: int, label: RequestLabel) -> list[str]:
        """Return `count` questions that need `tool`.

        Raises:
            UnusableReply: The first and the second reply are unusable. The errors of `RecordedRequests.ask` are raised
                too.
        """
        shown = json.dumps(tool.shown(), ensure_ascii=False)
        style = _HARD if hard else _EASY
        asked = self._prompts.fill("writer", tool=shown, count=count, style=style + _TYPOS, draw=draw)
        return await self._ask_twice("writer", [_user_turn(asked)], label, lambda reply: _questions_of(reply, count))

    async def queries_without_tool(
        self, tools: Sequence[Tool], category: str, style: str, draw: int, count: int, label: RequestLabel
    ) -> list[str]:
        """Return `count` questions that need no tool. Raises the same errors as `queries`."""
        listed = "\n".join(f"- {tool.description or tool.name}" for tool in tools)
        values = {"count": count, "category": category, "style": style, "tools": listed, "draw": draw}
        asked = self._prompts.fill("writer_no_tool", **values)
        return await self._ask_twice("writer", [_user_turn(asked)], label, lambda reply: _questions_of(reply, count))

    async def call(
        self, query: str, offered: Sequence[Tool], wanted: Tool | None, hard: bool, label: RequestLabel
    ) -> CallerReply:
        """Return the caller's reply to `query`.

        The reply is a call of `wanted` that is valid and does not fail. If `wanted` is None, the reply is plain words.

        Raises:
            UnusableReply: The first and the second reply are unusable.
        """
        instruction = self._prompts.fill("caller_hard" if hard else "caller")
        turns = (Message(role="system", content=instruction), _user_turn(query))
        prompt = self._dialect.render(turns, tuple(offered))

        def read(reply: Completion) -> CallerReply:
            reading = typed(self._dialect.parse(reply, strict=True), offered)
            if wanted is None:
                if reading.calls or reading.attempted:
                    raise _WrongReply("format", "no tool is needed for this; answer in plain words")
                return CallerReply(None, None, _plain_answer(reading.answer))
            if reading.error or not reading.calls:
                raise _WrongReply("format", reading.error or "the reply contains no tool call, but a call is needed")
            if len(reading.calls) > 1:
                raise _WrongReply(
                    "format", f"the reply contains {len(reading.calls)} calls, but exactly one call is needed"
                )
            return self._checked_call(reading.calls[0], wanted, {tool.name for tool in offered})

        return await self._ask_twice("caller", prompt.messages, label, read)

    def _checked_call(self, call: Call, wanted: Tool, offered: set[str]) -> CallerReply:
        if call.name not in offered:
            raise _WrongReply("format", f"the tool {call.name[:60]!r} is not offered")
        if call.name != wanted.name:
            raise _WrongReply("format", f"{call.name} is not the right tool for this request")
        if found := problems(call.arguments, validator_of(wanted)):
            raise _WrongReply("schema", f"{found[0].path or 'arguments'}: {found[0].message}")
        result = self._execute(wanted, dict(call.arguments))
        if result.kind == "no_implementation":
            return CallerReply(call, None, "")
        if result.kind != "ok":
            raise _WrongReply("execution", f"the call failed: {result.error}")
        return CallerReply(call, result, "")

    async def answer(self, query: str, call: Call, content: str, label: RequestLabel) -> str:
        """Return the answer to `query` after the result `content`. Raises the same errors as `queries`."""
        arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
        asked = self._prompts.fill("answerer", query=query, tool=call.name, arguments=arguments, result=content)
        seen = (_user_turn(query), Message(role="tool", name=call.name, content=content))

        def read(reply: Completion) -> str:
            text = _plain_answer(without_thinking(reply.text))
            if uses_result(seen, text) is False and content not in ("null", "{}", "[]", '""'):
                raise _WrongReply("answer", "the answer contains nothing from the result")
            return text

        return await self._ask_twice("answerer", [_user_turn(asked)], label, read)

    async def _ask_twice(
        self, role: Role, messages: Sequence[Message], label: RequestLabel, read: Callable[[Completion], Value]
    ) -> Value:
        first = await self._requests.ask(role, messages, label)
        try:
            return read(first)
        except _WrongReply as wrong:
            said = Message(role="assistant", content=first.text or "(nothing)")
            error = _user_turn(self._prompts.fill("correction", error=wrong.reason))
        second = await self._requests.ask(role, [*messages, said, error], label)
        try:
            return read(second)
        except _WrongReply as wrong:
            raise UnusableReply(wrong.stage, f"both replies of the {role} are unusable: {wrong.reason}") from None


def _user_turn(text: str) -> Message:
    return Message(role="user", content=text)


def _plain_answer(text: str) -> str:
    plain = text.strip()
    if not plain or len(plain) > MAX_ANSWER:
        raise _WrongReply("format", f"the answer has {len(plain)} characters, but must have 1 to {MAX_ANSWER}")
    return plain


def _questions_of(reply: Completion, count: int) -> list[str]:
    """Return the first `count` questions in the writer's reply."""
    text = without_thinking(reply.text[:200_000])
    start, end = text.find("{"), text.rfind("}")
    try:
        found = json.loads(text[start : end + 1]) if start >= 0 else None
    except (ValueError, RecursionError) as error:
        raise _WrongReply("format", f"the reply is not JSON: {error}") from None
    queries = found.get("queries") if isinstance(found, dict) else None
    if not isinstance(queries, list) or not all(isinstance(query, str) for query in queries):
        raise _WrongReply("format", 'the reply is not an object of the form {"queries": [texts]}')
    plain = [" ".join(query.split()) for query in queries]
    usable = [query for query in dict.fromkeys(plain) if 0 < len(query) <= MAX_QUERY]
    if len(usable) < count:
        raise _WrongReply("format", f"the reply has {len(usable)} different questions, but {count} are needed")
    return usable[:count]
