"""The bytes that each dialect writes, fixed: what a model was trained on must not move under it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.dialects import Dialect

GOLDEN = Path(__file__).parent / "golden"
DIALECTS: tuple[Dialect, ...] = tuple(load("toolmark.dialects", name)() for name in names("toolmark.dialects"))
every = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)

TOOLS = (
    Tool(
        name="set_alarm",
        description="Sets an alarm – “once”, or every day.",
        parameters={
            "type": "object",
            "properties": {
                "time": {"type": "string", "description": "When, as HH:MM."},
                "options": {
                    "type": "object",
                    "properties": {"repeat": {"type": "boolean"}, "tone": {"type": "string", "enum": ["bell", "café"]}},
                },
                "days": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 7}},
            },
            "required": ["time"],
        },
    ),
    Tool(name="list_alarms", description="Lists all alarms."),
)
NESTED = {"time": "07:30", "options": {"tone": "café", "repeat": True, "volume": None}, "days": [1, 2], "gain": -0.5}
QUOTED = {"time": 'it\'s "late"\n', "label": "<b>\\{x}, y</b>"}
CONVERSATION = (
    Message(role="system", content="Be kind."),
    Message(role="user", content="Wake me – gently."),
    Message(
        role="assistant",
        content="I set it, and look.",
        tool_calls=(Call(name="set_alarm", arguments=NESTED), Call(name="list_alarms")),
    ),
    Message(role="tool", name="set_alarm", content='{"größe": 2, "note": "ok"}'),
    Message(role="tool", name="list_alarms", content="none"),
    Message(role="assistant", content="Done."),
    Message(role="user", content="Thanks.\nAnd later?"),
    Message(role="assistant", tool_calls=(Call(name="set_alarm", arguments=QUOTED),)),
    Message(role="tool", name="set_alarm", content="too late"),
)


def told(dialect: Dialect) -> str:
    """A prompt as text: each turn below its role, and what is left to the template as JSON."""
    prompt = dialect.render(CONVERSATION, TOOLS)
    turns = [f"--- {turn.role}\n{turn.content}" for turn in prompt.messages]
    left = {
        "turns": [turn.as_openai() for turn in prompt.messages if turn.tool_calls or turn.role == "tool"],
        "tools": [tool.as_openai() for tool in prompt.tools],
    }
    rest = [f"--- left to the template\n{json.dumps(left, ensure_ascii=False, indent=1)}"] if prompt.tools else []
    return "\n".join([f"{dialect.name}/{dialect.version}", *turns, *rest, ""])


@every
def test_the_rendered_bytes_are_fixed(dialect: Dialect) -> None:
    # A change here changes what every trained adapter sees: raise the dialect's version with it.
    assert told(dialect) == (GOLDEN / f"{dialect.name}.txt").read_text(encoding="utf-8")


@every
def test_without_tools_nothing_is_said_of_tools(dialect: Dialect) -> None:
    question = (Message(role="user", content="?"),)
    prompt = dialect.render(question, ())
    assert (prompt.messages, prompt.tools) == (question, ())


@pytest.mark.parametrize("name", ["pythonic", "functiongemma"])
def test_a_name_that_a_dialect_cannot_write_is_the_user_s_error(name: str) -> None:
    turn = Message(role="assistant", tool_calls=(Call(name="two words"),))
    with pytest.raises(InputError, match="cannot write a call of the tool 'two words'"):
        load("toolmark.dialects", name)().render((Message(role="user", content="?"), turn), TOOLS)
