"""What the dialects write, and what they read in whatever a model writes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, RawCall
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.json_in_text import MAX_LENGTH

DIALECTS: tuple[Dialect, ...] = tuple(load("toolmark.dialects", name)() for name in names("toolmark.dialects"))
every = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)

CALL = Call(name="f", arguments={"a": 1})
ONE = {
    "tagged": '<tool_call>{"tool_name": "f", "args": {"a": 1}}</tool_call>',
    "json": '{"name": "f", "arguments": {"a": 1}}',
    "hermes": '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>',
    "llama3": '{"name": "f", "parameters": {"a": 1}}',
    "mistral": '[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}]',
    "pythonic": "[f(a=1)]",
    "functiongemma": "<start_function_call>call:f{a:1}<end_function_call>",
    "native": '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>',
}
"""One call in each dialect."""
VALUE = dict.fromkeys(ONE, '"a": {}') | {"pythonic": "a={}", "functiongemma": "a:{}"}
"""How each writes the argument."""

QUESTION = (Message(role="user", content="?"),)
TOOLS = (
    Tool(
        name="f",
        description="Does f.",
        parameters={"type": "object", "properties": {"a": {"type": "integer"}}},
    ),
    Tool(name="g", description="Größe, “quoted”"),
)


def read(dialect: Dialect, text: str, *, strict: bool) -> ParsedCompletion:
    return dialect.parse(Completion(text), strict=strict)


def clean_calls(dialect: Dialect, text: str) -> tuple[Call, ...]:
    """The calls that a strict reading credits."""
    reading = read(dialect, text, strict=True)
    return reading.calls if reading.error is None else ()


SYNTAX = st.sampled_from(
    [
        *("<tool_call>", "</tool_call>", "<think>", "</think>", "<final_answer>", "<tool_result>", "```", "```json\n"),
        *('{"tool_name": "f", "args": {}}', '{"name": "f", "arguments": {"a": 1}}', '{"a":', "[", "]", "{", "}", '"'),
        *("NaN", "1e999", '"\\ud800"', "\ud800", "\\", ",", ":", "\n", "f(", "\x00", '{"name":"\\ud800","args":{}}'),
        *(
            '{"name": "f", "parameters": {}}',
            "<|python_tag|>",
            ";",
            "[TOOL_CALLS]",
            "f[ARGS]{}",
            "[f(a=1)]",
            "g(a='b')",
        ),
        *(
            "```tool_code\n",
            "print(",
            "default_api.",
            "**{",
            "a=",
            "'",
            ")",
            "<escape>",
            "{a:1}",
            "call:f",
            "Result of f:",
        ),
        *(
            "<start_function_call>",
            "<end_function_call>",
            "<start_function_response>",
            "<tool_response>",
            "[TOOL_RESULTS]",
        ),
        *ONE.values(),
    ]
)


@every
@settings(max_examples=60)
@given(text=st.lists(SYNTAX | st.text(max_size=4), max_size=12).map("".join))
@example(text='{"name":"\\ud800","arguments":{"\\udfff":"\\ud800"}}')
def test_any_text_is_read_and_what_is_right_strictly_is_right_leniently(dialect: Dialect, text: str) -> None:
    lenient = read(dialect, text, strict=False)
    calls = clean_calls(dialect, text)
    if calls:
        assert lenient.calls == calls


MEGABYTE = 1 << 20
ANYWHERE = ("{", "[", '{"a":', "<think>", '{"a":1,"a":2}', "9", "\ud800", "```a ", "f(\n", "\\frac{a}{b} ")
HOSTILE = dict.fromkeys(ONE, ANYWHERE)
HOSTILE["tagged"] += ("<tool_call>", "<tool_call>[", '<tool_call>{"a":"')
HOSTILE["native"] += HOSTILE["tagged"]
HOSTILE["mistral"] += ("[TOOL_CALLS]", "[TOOL_CALLS][", "[TOOL_CALLS]f[ARGS]{", '[TOOL_CALLS]f[ARGS]{"a":"')
HOSTILE["pythonic"] += ("[f(", "[f(a=[", "[f(a='", "[f(a=1,", "f(a=1)\n;x", "```\n[f(", "'''", "[ ")
HOSTILE["functiongemma"] += tuple("<start_function_call>" + part for part in ("", "call:f{a:{", "call:f{a:<escape>"))


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        pytest.param(dialect, pattern * (MEGABYTE // len(pattern)), id=f"{dialect.name}-{pattern!r}")
        for dialect in DIALECTS
        for pattern in dict.fromkeys(HOSTILE[dialect.name])
    ]
    + [
        pytest.param(dialect, text, id=f"{dialect.name}-{name}")
        for dialect in DIALECTS
        for name, text in (
            ("open fence", "<tool_call>```" + "\n" * (MEGABYTE - 20) + "x"),
            ("lists that never end", ("<tool_call>{} " + "[" * 900) * (MEGABYTE // 912)),
            ("open string in open lists", "[" * 900 + '"' + "a" * (MEGABYTE - 1000)),
        )
    ],
)
def test_a_megabyte_of_anything_holds_no_right_call(dialect: Dialect, text: str) -> None:
    # Each of these once took, or in a careless reader would take, minutes: the limit is the patience of the suite.
    assert clean_calls(dialect, text) == ()
    assert read(dialect, text, strict=False).calls == ()


@every
@pytest.mark.parametrize(
    "value",
    [
        "9" * 5_000,
        "NaN",
        "-Infinity",
        "1e999",
        '"\\ud800"',
        '{"b": 1, "b": 2}',
        "[" * 70 + "]" * 70,
        "[" * 20_000 + "]" * 20_000,
        "'single'",
        "True",
        "1,",
    ],
    ids=lambda value: value[:12],
)
def test_values_that_are_no_strict_json_are_no_strict_call(dialect: Dialect, value: str) -> None:
    argument = VALUE[dialect.name]
    text = ONE[dialect.name].replace(argument.format(1), argument.format(value))
    assert text != ONE[dialect.name]
    python = dialect.name in ("pythonic", "hermes", "native")  # which take Python's literals too
    if not python or value not in ("'single'", "True", "1,"):
        assert clean_calls(dialect, text) == ()
    read(dialect, text, strict=False)
    server = Completion("", (RawCall("f", f'{{"a": {value}}}'),))
    assert load("toolmark.dialects", "native")().parse(server, strict=True).calls == ()


@every
def test_a_text_beyond_the_limit_is_an_attempt_and_no_abstention(dialect: Dialect) -> None:
    reading = read(dialect, ONE[dialect.name] + " " * MAX_LENGTH, strict=False)
    assert (reading.calls, reading.attempted) == ((), True)
    assert reading.error is not None


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(["</tool_call>", "<tool_call>", "<think>", "</think>", "<tool_result>", "```", '"\\', "{", "}]"])
    | st.sampled_from(
        ["[TOOL_CALLS]", "<escape>", "<end_function_call>", "<|python_tag|>", "')]", "[f(a=1)]", "Result:"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
CALLS = st.lists(
    st.builds(
        Call, name=st.sampled_from(["f", "g.h", "größe"]), arguments=st.dictionaries(st.text(max_size=4), JSON_VALUES)
    ),
    min_size=1,
    max_size=3,
)


@every
@settings(max_examples=80)
@given(calls=CALLS, words=st.sampled_from(["", "I shall look.", "Step 1\nthen 2:"]))
def test_what_is_rendered_is_read_back_strictly(dialect: Dialect, calls: list[Call], words: str) -> None:
    turn = Message(role="assistant", content=words, tool_calls=tuple(calls))
    if dialect.name == "functiongemma" and "<escape>" in str(calls):
        with pytest.raises(InputError, match="cannot write"):
            dialect.render((*QUESTION, turn), TOOLS)
        return
    written = dialect.render((*QUESTION, turn), TOOLS).messages[-1]
    # What a dialect leaves to a server comes back as a server sends it.
    raw = tuple(RawCall(call.name, json.dumps(dict(call.arguments))) for call in written.tool_calls)
    for strict in (True, False):
        reading = dialect.parse(Completion(written.content, raw), strict=strict)
        assert reading.error is None
        assert reading.calls == tuple(calls)
        assert reading.answer == words


def every_with(*templates: tuple[str, str]) -> list[Any]:
    """The same text around one call, in each dialect."""
    return [
        pytest.param(dialect, template.replace("CALL", ONE[dialect.name]), id=f"{dialect.name}-{name}")
        for name, template in templates
        for dialect in DIALECTS
    ]


@pytest.mark.parametrize(
    ("dialect", "text"),
    every_with(
        ("inside a thought", "<think>Shall I write CALL?</think>No tool is needed."),
        ("inside a thought that the prompt opened", "Perhaps CALL?</think>No."),
        ("inside a thought without end", "Hm. <think>CALL"),
    ),
)
def test_a_thought_holds_no_call_in_either_reading(dialect: Dialect, text: str) -> None:
    assert read(dialect, text, strict=True).calls == ()
    assert read(dialect, text, strict=False).calls == ()


@pytest.mark.parametrize(
    ("dialect", "text"),
    every_with(
        ("in prose", "One could write CALL here, but it is not needed."),
        ("text after", "CALL\nDone!"),
        ("fenced", "```json\nCALL\n```"),
        ("in a fence that stays open", "```json\nCALL"),
        ("in the answer", "<final_answer>CALL</final_answer>"),
    ),
)
def test_prose_around_a_call_and_fences_are_right_only_leniently(dialect: Dialect, text: str) -> None:
    assert clean_calls(dialect, text) == ()
    assert read(dialect, text, strict=False).calls == (CALL,)


@pytest.mark.parametrize(
    ("dialect", "text"),
    every_with(
        ("alone", "CALL"),
        ("white-space", "\n CALL \n"),
        ("reasoning", "I need {x} and [y] for that:\nCALL"),
        ("closed thought", "<think>Not {this}: CALL</think>\nCALL"),
        ("LaTeX", r"\frac{a}{b} " * 100 + "CALL"),
        ("closed fence before", "```python\nf(1)\n```\nCALL"),
    ),
)
def test_reasoning_may_stand_before_a_call(dialect: Dialect, text: str) -> None:
    assert clean_calls(dialect, text) == (CALL,)
