"""Rows of the APIs of Anthropic and Gemini that cannot be read: each is told with its place and the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.readers.api_rows import ANSWER, RESPONSE, anthropic, called, gemini, model, result, returned, use
from tests.benchmark.readers.samples import ANTHROPIC, CHAT, GEMINI, GEMINI_CALL, QUESTION, WEATHER, lines, read
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.case_selection import load_cases

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "x"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}
FAILED = {"type": "error", "error": {"type": "invalid_request_error", "message": "too long"}}
CUT = {**ANSWER, "stop_reason": "max_tokens"}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"messages": CHAT, "tools": [WEATHER]}, "roles user, assistant, system"),
        ({"messages": CHAT[1:3], "tools": [WEATHER]}, "Use the reader openai"),
        ({"tools": []}, "messages is missing"),
        (anthropic(), "no assistant turn"),
        (anthropic(7), "roles"),
        (anthropic([7]), "not text: 7"),
        (anthropic({"role": "assistant", "content": {"type": "text"}}), "must be a string"),
        (anthropic({"role": "user", "content": [IMAGE]}, [use(1)]), "not text: {'type': 'image'"),
        (anthropic([{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}]), "server_tool_use"),
        (anthropic({"role": "user", "content": [use(1)]}), "not text: {'type': 'tool_use'"),
        (anthropic([use(1)], tools=[SEARCH]), "'web_search' has the type 'web_search_20250305'"),
        (anthropic([use(1)], tools=[json.dumps(SEARCH)]), "web_search_20250305"),
        (anthropic([use(1)], tools=[]), "not offered: the row lists no tools"),
        (anthropic([use(1)], tools={"a": 1}), "the field tools must be a list"),
        (anthropic([{"type": "tool_use", "id": "1", "name": "get_weather"}]), "the field input"),
        (anthropic([{**use(1), "input": "{"}]), "cannot be read as JSON: '{'"),
        (anthropic([{**use(1), "input": [1]}]), "must be an object"),
        (anthropic([{"type": "tool_use", "id": "1", "input": {}}]), "the field name is missing"),
        (anthropic([use(1)], [result(2, "x")]), "'toolu_2' belongs to no call"),
        (anthropic([use(1)], [result(1, "x"), result(1, "y")]), "'toolu_1' belongs to no call"),
        (anthropic([use(1)], [{"type": "tool_result", "content": "x"}]), "tool_use_id is missing"),
        (anthropic([use(1)], [result(1, [IMAGE])]), "not text"),
        (anthropic([use(1)], system=[IMAGE]), "not text"),
        ({"request": anthropic(), "response": CUT}, "its stop_reason is max_tokens"),
        ({"request": anthropic(), "response": {"choices": []}}, "must have the field content"),
        ({"custom_id": "a", "result": {"type": "succeeded", "message": ANSWER}}, "no request. Add the field params"),
        ({"params": anthropic(), "result": {"type": "expired"}}, "failed: 'expired'"),
        ({"params": anthropic(), "result": {"type": "errored", "error": FAILED}}, "failed: 'too long'"),
        ({"request": anthropic(), "response": {"type": "error", "error": {"message": "busy"}}}, "failed: 'busy'"),
        (
            anthropic([use(1)], tools=[{"name": "get_weather", "input_schema": {"properties": {"city": 5}}}]),
            "get_weather",
        ),
    ],
    ids=range(30),
)
def test_a_bad_row_of_anthropic(tmp_path: Path, row: dict[str, Any], why: str) -> None:
    check_bad("anthropic", tmp_path, row, why)


TWO = {"candidates": [{"content": GEMINI_CALL}, {"content": GEMINI_CALL}]}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"messages": CHAT}, "contents is missing"),
        ({"contents": QUESTION}, "the field contents cannot be read as JSON"),
        (gemini(), "no assistant turn"),
        (gemini(7), "roles user, model"),
        (gemini({"role": "assistant", "parts": []}), "roles user, model"),
        (gemini({"role": ["user"], "parts": []}), "roles user, model"),
        (gemini({"role": "model"}), "parts is missing"),
        (gemini(model("Hi.")), "must be an object, not 'Hi.'"),
        (gemini({"role": "user", "parts": [{"inlineData": {"data": "x"}}]}), "role user is not text: {'inlineData'"),
        (gemini(model({"executableCode": {"code": "1"}})), "role model is not text"),
        (gemini({"role": "user", "parts": [called()]}), "role user is not text: {'functionCall'"),
        (gemini(model(returned({}))), "role model is not text: {'functionResponse'"),
        (gemini(model(called()), tools=[{"googleSearch": {}}]), "only tools with functionDeclarations"),
        (gemini(model(called()), tools=[{**GEMINI["tools"][0], "codeExecution": {}}]), "run on the server"),
        (gemini(model(called()), tools=[7]), "must be an object, not 7"),
        (gemini(model(called()), tools=[{"functionDeclarations": 7}]), "must be a list, not 7"),
        (gemini(model(called()), tools=[]), "not offered: the row lists no tools"),
        (gemini(model({"functionCall": "f"})), "a call or a result must be an object: {'functionCall': 'f'}"),
        (gemini(completions=[7]), "must be an object, not 7"),
        (gemini(model({"functionCall": {}})), "a call must have a name"),
        (gemini(model({"functionCall": {"name": "get_weather", "args": [1]}})), "must be an object, not [1]"),
        (gemini(model(called()), {"role": "user", "parts": [returned({}, "other")]}), "'other' belongs to no call"),
        (gemini(model(called()), {"role": "user", "parts": [returned("x")]}), "response must be an object"),
        (gemini(model(called()), systemInstruction=7), "must be an object, not 7"),
        ({"request": gemini(), "response": TWO}, "must have one candidate"),
        ({"request": gemini(), "response": {"promptFeedback": {"blockReason": "SAFETY"}}}, "SAFETY"),
        ({"request": gemini(), "response": {}, "status": "Bad Request"}, "failed: 'Bad Request'"),
        ({"request": gemini(), "error": {"code": 8, "message": "quota"}}, "failed: 'quota'"),
        (
            {"request": gemini(), "response": {"candidates": [{"content": GEMINI_CALL, "finishReason": "MAX_TOKENS"}]}},
            "finishReason is 'MAX_TOKENS'",
        ),
        ({"key": "a", "response": RESPONSE}, "no request. Add the field request"),
        (gemini(completions=[{"score": 0, "completion": GEMINI_CALL}]), "must have the score 1"),
    ],
    ids=range(31),
)
def test_a_bad_row_of_gemini(tmp_path: Path, row: dict[str, Any], why: str) -> None:
    check_bad("gemini", tmp_path, row, why)


def check_bad(reader: str, folder: Path, row: dict[str, Any], why: str) -> None:
    file = folder / "x.jsonl"
    good, bad = read(reader, file, lines(ANTHROPIC if reader == "anthropic" else GEMINI, row))
    assert isinstance(good, Trace)
    assert isinstance(bad, BadRow), bad
    assert why in bad.reason
    assert bad.place == f"{file}:2"
    with pytest.raises(InputError, match="--skip-bad"):
        load_cases(f"{reader}:{file}")
    cases, skipped = load_cases(f"{reader}:{file}", skip_bad=True)
    assert (len(cases), len(skipped)) == (1, 1)
