"""The thoughts of a model are not part of its answer."""

from __future__ import annotations

import pytest

from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects.thinking import MARKS, closing_of_open_thought, without_thinking

TOOL = Tool(name="add")
CALL = Call(name="add", arguments={"said": "[THINK] or <think>"})


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("a<think>b</think>c", "ac"),
        ("a[THINK]b[/THINK]c", "ac"),
        ("a[THINK]b</think>c[/THINK]d<think>e", "ad"),
        ("[THINK]a<think>b[/THINK]c", "c"),
        ("b[/THINK]c[/THINK]d", "c[/THINK]d"),
        ("b</think>c<think>d</think>e", "ce"),
        ("[THINK]a", ""),
        ("[THINKING] a", "[THINKING] a"),
    ],
)
def test_thoughts_are_left_out(text, answer):
    assert without_thinking(text) == answer


def test_the_prompt_may_open_a_thought():
    assert closing_of_open_thought("Hi\n<think>\n") == "</think>"
    assert closing_of_open_thought("Hi\n[THINK]") == "[/THINK]"
    assert closing_of_open_thought("<think>\n\n</think>\n\n") is None


@pytest.mark.parametrize("name", [name for name in names("toolmark.dialects") if name != "native"])
@pytest.mark.parametrize(
    "thought", ["CALL[/THINK]", "CALL</think>", *(f"{opening}CALL{closing}" for opening, closing in MARKS.items())]
)
def test_every_dialect_reads_the_call_after_a_thought(name, thought):
    dialect = load("toolmark.dialects", name)()
    call = Call(name="add", arguments={"a": 1}) if name in ("functiongemma", "pythonic") else CALL
    messages = [Message(role="user", content="?"), Message(role="assistant", tool_calls=(call,))]
    text = dialect.render(messages, [TOOL]).messages[-1].content
    reading = dialect.parse(Completion(thought.replace("CALL", text) + text), strict=True)
    assert (reading.calls, reading.error) == ((call,), None)
