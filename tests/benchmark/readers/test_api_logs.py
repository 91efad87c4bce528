"""Requests and answers of the APIs of Anthropic and Gemini: what a row becomes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.readers.api_rows import (
    ANSWER,
    ASKED,
    PARIS,
    RESPONSE,
    anthropic,
    called,
    gemini,
    model,
    result,
    returned,
    use,
)
from tests.benchmark.readers.samples import (
    ANTHROPIC,
    ARGUMENTS,
    CALL,
    GEMINI,
    GEMINI_CALL,
    QUESTION,
    WEATHER,
    case_of,
    lines,
    read,
)
from toolmark.benchmark.data.cases import Abstain, Call, ExpectCall, Message
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers.call_results import in_order_of_calls

SCHEMA = WEATHER["parameters"]


def trace(reader: str, folder: Path, row: dict[str, Any]) -> Trace:
    (found,) = read(reader, folder / "x.jsonl", lines(row))
    assert isinstance(found, Trace), found
    return found


def gold(found: Trace) -> list[Call]:
    expect = case_of(found).expect
    assert isinstance(expect, ExpectCall), expect
    specs = expect.any_of[0].calls
    return [Call(name=one.name, arguments={key: rule.of[0] for key, rule in one.arguments.items()}) for one in specs]


@pytest.mark.parametrize(("reader", "row", "told"), [("anthropic", ANTHROPIC, "I look."), ("gemini", GEMINI, "")])
def test_a_whole_conversation(tmp_path: Path, reader: str, row: dict[str, Any], told: str) -> None:
    found = trace(reader, tmp_path, row)
    assert found.messages == (
        Message(role="system", content="Be brief."),
        Message(role="user", content=QUESTION),
        Message(role="assistant", content=told, tool_calls=(CALL,)),
        Message(role="tool", name="get_weather", content="clear" if told else '{"sky": "clear"}'),
        Message(role="assistant", content="Clear."),
    )
    assert found.toolbox["get_weather"].parameters == SCHEMA
    assert found.toolbox["get_weather"].description == "Weather of a city."
    assert case_of(found).source.ref == "x.jsonl:1"


@pytest.mark.parametrize(
    ("reader", "row"),
    [
        (
            "anthropic",
            anthropic([use(1), use(2, PARIS)], [result(2, "wet"), result(1, "dry"), {"type": "text", "text": "And?"}]),
        ),
        (
            "anthropic",
            anthropic([use(1)], [use(2, PARIS)], [result(2, "wet")], [result(1, "dry")], {**ASKED, "content": "And?"}),
        ),
        (
            "gemini",
            gemini(
                model(called(id="a"), called(PARIS, id="b")),
                {
                    "role": "user",
                    "parts": [
                        returned({"result": "wet"}, id="b"),
                        returned({"output": "dry"}, id="a"),
                        {"text": "And?"},
                    ],
                },
            ),
        ),
        (
            "gemini",
            gemini(
                model(called(), called(PARIS)),
                {"role": "function", "parts": [returned({"result": "dry"})]},
                {"role": "tool", "parts": [returned({"result": "wet"})]},
                {"parts": [{"text": "And?"}]},
            ),
        ),
    ],
    ids=range(4),
)
def test_parallel_calls_and_their_results(tmp_path: Path, reader: str, row: dict[str, Any]) -> None:
    found = trace(reader, tmp_path, row)
    assert gold(found) == [CALL, PARIS]
    assert found.messages[1:] == (
        Message(role="assistant", tool_calls=(CALL, PARIS)),
        Message(role="tool", name="get_weather", content="dry"),
        Message(role="tool", name="get_weather", content="wet"),
        Message(role="user", content="And?"),
    )


@pytest.mark.parametrize(
    ("content", "more", "text"),
    [
        ("no such city", {"is_error": True}, '{"error": "no such city"}'),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], {}, "a\nb"),
        ([{"type": "text", "text": "a"}], {"is_error": True}, '{"error": "a"}'),
        ('{"error": "a"}', {"is_error": True}, '{"error": "a"}'),
        ("fine", {"is_error": False}, "fine"),
        (None, {}, ""),
    ],
)
def test_the_text_of_a_result_of_anthropic(tmp_path: Path, content: Any, more: dict[str, Any], text: str) -> None:
    found = trace("anthropic", tmp_path, anthropic([use(1)], [result(1, content, **more)]))
    assert found.messages[-1].content == text


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"result": [1, "é"]}, '[1, "é"]'),
        ({"output": {"sky": "clear"}}, '{"sky": "clear"}'),
        ({"result": 1, "unit": "K"}, '{"result": 1, "unit": "K"}'),
        ({"error": "no such city"}, '{"error": "no such city"}'),
        ({}, "{}"),
    ],
)
def test_the_text_of_a_result_of_gemini(tmp_path: Path, response: Any, text: str) -> None:
    found = trace("gemini", tmp_path, gemini(model(called()), {"role": "user", "parts": [returned(response)]}))
    assert found.messages[-1].content == text


@pytest.mark.parametrize(
    ("reader", "row"),
    [
        ("anthropic", {**anthropic(), "response": ANSWER}),
        ("anthropic", {"request": anthropic(), "response": ANSWER}),
        ("anthropic", {"body": anthropic(), "completion": ANSWER["content"]}),
        ("anthropic", {"custom_id": "a", "params": anthropic(), "result": {"type": "succeeded", "message": ANSWER}}),
        ("gemini", {"request": gemini(), "response": RESPONSE, "status": ""}),
        ("gemini", {**gemini(), "response": {"candidates": [{"content": GEMINI_CALL, "finish_reason": "STOP"}]}}),
        (
            "gemini",
            gemini(
                completions=[
                    {"score": 0, "completion": model({"text": "It is fine."})},
                    {"score": 1, "completion": GEMINI_CALL},
                ]
            ),
        ),
    ],
    ids=range(7),
)
def test_an_answer_beside_its_request_is_the_last_turn(tmp_path: Path, reader: str, row: dict[str, Any]) -> None:
    found = trace(reader, tmp_path, row)
    assert gold(found) == [CALL]
    assert found.messages == (
        Message(role="user", content=QUESTION),
        Message(role="assistant", tool_calls=(CALL,)),
    )


def test_names_in_snake_case_and_null_fields_are_read(tmp_path: Path) -> None:
    call = {"id": None, "name": "get_weather", "args": ARGUMENTS}
    response = {"id": None, "name": "get_weather", "response": {"result": "clear"}}
    declaration = {"name": "get_weather", "description": None, "parameters_json_schema": SCHEMA, "parameters": None}
    row = {
        "system_instruction": "Be brief.",
        "contents": [
            {"role": None, "parts": [{"text": QUESTION, "function_call": None}]},
            {"role": "model", "parts": [{"text": None, "function_call": call, "thought_signature": "x"}]},
            {"role": "user", "parts": [{"text": None, "function_response": response}]},
        ],
        "tools": [{"function_declarations": [declaration], "google_search": None}],
    }
    found = trace("gemini", tmp_path, row)
    assert gold(found) == [CALL]
    assert [turn.role for turn in found.messages] == ["system", "user", "assistant", "tool"]
    assert found.toolbox["get_weather"].parameters == SCHEMA


@pytest.mark.parametrize(
    ("reader", "row", "answer"),
    [
        ("anthropic", anthropic([{"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "Hi."}]), "Hi."),
        ("anthropic", anthropic({"role": "assistant", "content": "Hi."}), "Hi."),
        ("gemini", gemini(model({"text": "Which?", "thought": True}, {"text": "H"}, {"text": "i."})), "Hi."),
    ],
)
def test_an_answer_in_words(tmp_path: Path, reader: str, row: dict[str, Any], answer: str) -> None:
    found = trace(reader, tmp_path, row)
    assert case_of(found).expect == Abstain(action="abstain", reason="no_tool_needed")
    assert found.messages[-1].content == answer


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ({"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "STRING", "nullable": False}, {"type": "string", "nullable": False}),
        ({"type": "STRING", "format": "enum", "enum": ["1"]}, {"type": "string", "format": "enum", "enum": ["1"]}),
        ({"type": "INTEGER", "enum": ["101", "201"]}, {"type": "integer", "enum": [101, 201]}),
        (
            {"type": "ARRAY", "min_items": "1", "maxItems": "3", "items": {"type": "NUMBER", "format": "float"}},
            {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "number", "format": "float"}},
        ),
        (
            {"any_of": [{"type": "STRING"}, {"type": "BOOLEAN"}], "nullable": True},
            {"anyOf": [{"type": "string"}, {"type": "boolean"}, {"type": "null"}]},
        ),
        ({"type": "TYPE_UNSPECIFIED", "description": "Any."}, {"description": "Any."}),
        (
            {"type": "OBJECT", "properties": {"min_items": {"type": "STRING"}}, "required": ["min_items"]},
            {"type": "object", "properties": {"min_items": {"type": "string"}}, "required": ["min_items"]},
        ),
    ],
    ids=range(8),
)
def test_a_schema_of_gemini_becomes_json_schema(tmp_path: Path, written: Any, read_as: Any) -> None:
    parameters = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}, "more": written}, "required": ["city"]}
    tools = [{"functionDeclarations": [{"name": "get_weather", "parameters": parameters}]}]
    found = trace("gemini", tmp_path, gemini(model(called(PARIS)), tools=tools))
    assert found.toolbox["get_weather"].parameters == {
        "type": "object",
        "properties": {"city": {"type": "string"}, "more": read_as},
        "required": ["city"],
    }
    assert case_of(found).waiver is None


def test_tables_are_read(tmp_path: Path) -> None:
    """In a table, every block and every part has the keys of all others, and the keys are null."""
    pytest.importorskip("pyarrow.parquet")
    from pyarrow import Table, parquet

    from toolmark.benchmark.readers.anthropic import AnthropicReader
    from toolmark.benchmark.readers.gemini import GeminiReader

    blocks = anthropic([use(1), use(2, PARIS)], [result(1, "dry"), result(2, "wet")])
    blocks["messages"][0] = {"role": "user", "content": [{"type": "text", "text": QUESTION}]}
    parts = gemini(model(called(), called(PARIS)), {"role": "user", "parts": [returned({"sky": "dry"})]})
    for reader, row in ((AnthropicReader(), blocks), (GeminiReader(), parts)):
        for number, table in enumerate((row, {key: json.dumps(value) for key, value in row.items()})):
            file = tmp_path / f"{reader.name}{number}.parquet"
            parquet.write_table(Table.from_pylist([table]), file)
            (found,) = reader.read(file)
            assert isinstance(found, Trace), found
            assert gold(found) == [CALL, PARIS]


def test_many_calls_and_results_are_matched_in_linear_time() -> None:
    calls = [{"id": str(number), "name": "f"} for number in range(20_000)]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": call["id"]} for call in reversed(calls)]
    start = time.process_time()
    turns = in_order_of_calls([{"role": "assistant", "content": "", "tool_calls": calls}, *results])
    assert time.process_time() - start < 2
    assert [turn["content"] for turn in turns[1:]] == [call["id"] for call in calls]
