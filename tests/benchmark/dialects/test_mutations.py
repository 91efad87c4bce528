"""Right answers are damaged in many ways. No damage raises an exception, and no damage makes a wrong answer right.

This tries COUNT damaged answers of each dialect: `python -m tests.benchmark.dialects.test_mutations COUNT [DIALECT…]`
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.benchmark.dialects.test_dialects import DIALECTS, ONE, SYNTAX, VALUE
from tests.benchmark.scoring.asking import gold
from toolmark.benchmark.data.cases import Call, Case, Message, Tool, Toolbox
from toolmark.benchmark.data.completions import Completion, RawCall
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.foreign_forms import MARKS
from toolmark.benchmark.dialects.thinking import MARKS as THOUGHTS
from toolmark.benchmark.scoring.grades import Grade, grade

every = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {"type": "array"}}}
TOOLS = (Tool(name="f", parameters=SCHEMA), Tool(name="g.h", parameters=SCHEMA))
CALLS = (
    Call(name="f", arguments={"a": 1, "b": "It's <tool_call> or </think>, {x} [y] ```"}),
    Call(name="g.h", arguments={"c": [1, [2, {"d": "é"}]], "b": ""}),
    Call(name="f"),
)
PIECES = (
    *SYNTAX.elements,
    *MARKS,
    *THOUGHTS,
    *THOUGHTS.values(),
    *("\u2028", "\U0001f600", "\ud800", "﻿", "`", "```python\n", "]", ")", "}}", "\\", "'", '"', "=", "<", "\0"),
)


def written(dialect: Dialect, calls: tuple[Call, ...]) -> Completion:
    turns = (Message(role="user", content="?"), Message(role="assistant", content="I look.", tool_calls=calls))
    message = dialect.render(turns, TOOLS).messages[-1]
    return Completion(message.content, raw(message.tool_calls))


def raw(calls: tuple[Call, ...]) -> tuple[RawCall, ...]:
    return tuple(RawCall(call.name, json.dumps(dict(call.arguments))) for call in calls)


def asked(calls: tuple[Call, ...]) -> Case:
    specs = [gold(call.name, **{name: [value] for name, value in call.arguments.items()}) for call in calls]
    return Case.model_validate(
        {
            "messages": [{"role": "user", "content": "?"}],
            "toolbox": Toolbox(name="test", tools=TOOLS),
            "expect": {"action": "call", "any_of": [{"calls": specs}]},
            "source": {"name": "test", "ref": "1"},
            "licence": "none",
        }
    )


def damaged(text: str, draw: random.Random) -> str:
    """A text with one to three changes: cut, nested, fenced, or with a piece inserted, doubled or left out."""
    for _ in range(draw.randint(1, 3)):
        start, end = sorted((draw.randint(0, len(text)), draw.randint(0, len(text))))
        match draw.randrange(7):
            case 0:
                text = text[:start]
            case 1:
                text = text[:start] + draw.choice(PIECES) + text[start:]
            case 2:
                text = text[:start] + text[end:]
            case 3:
                text = text[:start] + text[start:end] * 2 + text[end:]
            case 4:
                text = f"```{draw.choice(('', 'json', 'tool_code', 'python'))}\n{text}\n```"
            case 5:
                text = text[:start] + text + text[start:]
            case 6:
                text = text[:start] + draw.choice(PIECES) + text[end:]
    return text


def texts(dialect: Dialect, count: int) -> Iterator[str]:
    """Damaged answers: cut at every offset, and with random changes. They are the same in every run."""
    answers = [completion.text for size in (1, 2, 3) if (completion := written(dialect, CALLS[:size])).text]
    if dialect.name == "native":
        answers = list(ONE.values())
    for answer in answers:
        yield from (answer[:end] for end in range(min(len(answer), count // 4)))
    draw = random.Random(dialect.name)
    for _ in range(count):
        yield damaged(draw.choice(answers), draw)


def check(dialect: Dialect, count: int) -> None:
    asked_for = asked(CALLS[:1])
    for text in texts(dialect, count):
        found = grade(asked_for, Completion(text), dialect)
        assert found.correct_leniently or not found.correct
        strict = dialect.parse(Completion(text), strict=True)
        if strict.calls and strict.error is None:
            assert dialect.parse(Completion(text), strict=False).calls == strict.calls, text


@every
def test_damaged_answers_raise_nothing_and_a_strict_call_is_a_lenient_call(dialect: Dialect) -> None:
    check(dialect, 200)


@pytest.mark.slow
@every
def test_many_damaged_answers_raise_nothing(dialect: Dialect) -> None:
    check(dialect, 20_000)


def judged(dialect: Dialect, calls: tuple[Call, ...], completion: Completion) -> Grade:
    return grade(asked(calls), completion, dialect)


@every
def test_a_missing_call_makes_a_right_answer_wrong(dialect: Dialect) -> None:
    assert judged(dialect, CALLS, written(dialect, CALLS)).correct
    for index in range(len(CALLS)):
        fewer = CALLS[:index] + CALLS[index + 1 :]
        assert not judged(dialect, CALLS, written(dialect, fewer)).correct_leniently


def unreadable(dialect: Dialect) -> list[str]:
    """Calls of `f` that are cut in their value, or have a value that is no value."""
    one, value = ONE[dialect.name], VALUE[dialect.name].format(1)
    cut = one[: one.index(value) + value.index("1")]
    if dialect.name in ("qwen_xml", "glm"):  # whose values may be any text
        return [cut, cut + "1"]
    return [cut, cut + "1", one.replace(value, VALUE[dialect.name].format("3*2"))]


@every
@pytest.mark.parametrize("place", ["before", "after"])
def test_an_unreadable_call_makes_a_right_answer_wrong(dialect: Dialect, place: str) -> None:
    right = (Call(name="f", arguments={"a": 1}),)
    one = ONE[dialect.name]
    assert judged(dialect, right, Completion(one)).correct
    for broken in unreadable(dialect):
        text: Any = f"{broken}\n{one}" if place == "before" else f"{one}\n{broken}"
        found = judged(dialect, right, Completion(text))
        assert not found.correct, text
        assert not found.correct_leniently, text


if __name__ == "__main__":
    for one in DIALECTS:
        if one.name in sys.argv[2:] or not sys.argv[2:]:
            check(one, int(sys.argv[1]))
            sys.stdout.write(f"{one.name}: {sys.argv[1]} damaged answers\n")
