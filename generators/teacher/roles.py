"""What each role is asked, and what can be used of its reply.

A reply that cannot be used is answered once with what is wrong about it; a second one that cannot is dropped, with the
stage at which it failed. Nothing is mended.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.json_in_text import without_thinking
from toolmark.benchmark.scoring.answers import uses_result
from toolmark.benchmark.tools.sandbox import Result
from toolmark.benchmark.tools.schemas import compile_schema, problems
from toolmark.generators.judging import Stage
from toolmark.generators.teacher.asking import Asker, Item
from toolmark.generators.teacher.options import Role
from toolmark.generators.teacher.wording import Wording

__all__ = ["Called", "Roles", "Unusable"]

MAX_QUERY = 2000
MAX_ANSWER = 4000
_HARD = (
    "They are hard: the user speaks of a situation, and what is wanted must be read out of it; values stand scattered, "
    "beside others that do not matter."
)
_EASY = "They are easy: short and plain, each in another wording."
_TYPOS = " Some of them have typing errors, but never in a value."

Value = TypeVar("Value")


class Unusable(Exception):
    """Two replies that cannot be used: the stage at which the last one failed, and why."""

    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage
        self.reason = reason


class _Wrong(Exception):
    """One reply that cannot be used."""

    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage, self.reason = stage, reason


class Called(NamedTuple):
    """What the caller did: its call with the result (None where the tool may not run), or plain words."""

    call: Call | None
    result: Result | None
    text: str


class Roles:
    """The three roles.

    Args:
        asker: Asks their models.
        wording: Their instructions.
        dialect: How tools are shown to the caller, and its calls read.
        execute: Runs a call.
    """

    def __init__(
        self, asker: Asker, wording: Wording, dialect: Dialect, execute: Callable[[Tool, dict[str, Any]], Result]
    ) -> None:
        self._asker = asker
        self._wording = wording
        self._dialect = dialect
        self._execute = execute

    async def queries(self, tool: Tool, hard: bool, draw: int, count: int, item: Item) -> list[str]:
        """Questions that need `tool`. Raises `Unusable`, and what `Asker.ask` raises."""
        shown = json.dumps(tool.shown(), ensure_ascii=False)
        style = _HARD if hard else _EASY
        asked = self._wording.fill("writer", tool=shown, count=count, style=style + _TYPOS, draw=draw)
        return await self._twice("writer", [_user(asked)], item, lambda reply: _listed(reply, count))

    async def queries_without_tool(
        self, tools: Sequence[Tool], category: str, style: str, draw: int, count: int, item: Item
    ) -> list[str]:
        """Questions that need no tool. Raises as `queries`."""
        listed = "\n".join(f"- {tool.description or tool.name}" for tool in tools)
        values = {"count": count, "category": category, "style": style, "tools": listed, "draw": draw}
        asked = self._wording.fill("writer_no_tool", **values)
        return await self._twice("writer", [_user(asked)], item, lambda reply: _listed(reply, count))

    async def call(self, query: str, offered: Sequence[Tool], wanted: Tool | None, hard: bool, item: Item) -> Called:
        """What the caller does with `query`: a call of `wanted` that is valid and runs, or words where none is wanted.

        Raises:
            Unusable: Neither of two tries is that.
        """
        instruction = self._wording.fill("caller_hard" if hard else "caller")
        turns = (Message(role="system", content=instruction), _user(query))
        prompt = self._dialect.render(turns, tuple(offered))

        def read(reply: Completion) -> Called:
            reading = self._dialect.parse(reply, strict=True)
            if wanted is None:
                if reading.calls or reading.attempted:
                    raise _Wrong("format", "no tool is needed for this; answer in plain words")
                return Called(None, None, _words(reading.answer))
            if reading.error or not reading.calls:
                raise _Wrong("format", reading.error or "there is no tool call in it, and one is needed")
            if len(reading.calls) > 1:
                raise _Wrong("format", f"it has {len(reading.calls)} calls; one is needed")
            return self._tried(reading.calls[0], wanted, {tool.name for tool in offered})

        return await self._twice("caller", prompt.messages, item, read)

    def _tried(self, call: Call, wanted: Tool, offered: set[str]) -> Called:
        if call.name not in offered:
            raise _Wrong("format", f"the tool {call.name[:60]!r} is not offered")
        if call.name != wanted.name:
            raise _Wrong("format", f"{call.name} is not the tool that does this")
        if found := problems(call.arguments, compile_schema(wanted.parameters)):
            raise _Wrong("schema", f"{found[0].path or 'arguments'}: {found[0].message}")
        result = self._execute(wanted, dict(call.arguments))
        if result.kind == "no_implementation":
            return Called(call, None, "")
        if result.kind != "ok":
            raise _Wrong("execution", f"the call failed: {result.error}")
        return Called(call, result, "")

    async def answer(self, query: str, call: Call, content: str, item: Item) -> str:
        """What is said after the result `content`. Raises as `queries`."""
        arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
        asked = self._wording.fill("answerer", query=query, tool=call.name, arguments=arguments, result=content)
        seen = (_user(query), Message(role="tool", name=call.name, content=content))

        def read(reply: Completion) -> str:
            text = _words(without_thinking(reply.text))
            if uses_result(seen, text) is False and content not in ("null", "{}", "[]", '""'):
                raise _Wrong("answer", "it tells nothing of the result")
            return text

        return await self._twice("answerer", [_user(asked)], item, read)

    async def _twice(
        self, role: Role, messages: Sequence[Message], item: Item, read: Callable[[Completion], Value]
    ) -> Value:
        first = await self._asker.ask(role, messages, item)
        try:
            return read(first)
        except _Wrong as wrong:
            said = Message(role="assistant", content=first.text or "(nothing)")
            error = _user(self._wording.fill("correction", error=wrong.reason))
        second = await self._asker.ask(role, [*messages, said, error], item)
        try:
            return read(second)
        except _Wrong as wrong:
            raise Unusable(wrong.stage, f"the {role}, asked twice: {wrong.reason}") from None


def _user(text: str) -> Message:
    return Message(role="user", content=text)


def _words(text: str) -> str:
    plain = text.strip()
    if not plain or len(plain) > MAX_ANSWER:
        raise _Wrong("format", f"the answer has {len(plain)} characters; 1 to {MAX_ANSWER} can be used")
    return plain


def _listed(reply: Completion, count: int) -> list[str]:
    """The first `count` questions of a writer's reply."""
    text = without_thinking(reply.text[:200_000])
    start, end = text.find("{"), text.rfind("}")
    try:
        found = json.loads(text[start : end + 1]) if start >= 0 else None
    except (ValueError, RecursionError) as error:
        raise _Wrong("format", f"it is not JSON: {error}") from None
    queries = found.get("queries") if isinstance(found, dict) else None
    if not isinstance(queries, list) or not all(isinstance(query, str) for query in queries):
        raise _Wrong("format", 'it is no object {"queries": [texts]}')
    plain = [" ".join(query.split()) for query in queries]
    usable = [query for query in dict.fromkeys(plain) if 0 < len(query) <= MAX_QUERY]
    if len(usable) < count:
        raise _Wrong("format", f"it has {len(usable)} different questions; {count} are wanted")
    return usable[:count]
