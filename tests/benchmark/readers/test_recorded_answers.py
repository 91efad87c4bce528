"""Recorded answers in foreign files: their text, their calls, and how they ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmark.dialects.test_dialects import ONE
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.completions import Completion, RawCall
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.recorded_answers import RecordedRow, recorded_rows

CALL = {"name": "f", "arguments": {"a": 1}}


@pytest.mark.parametrize(
    ("row", "stop"),
    [
        ({"text": "", "tool_calls": [{"function": CALL}], "stop_reason": "stop"}, "stop"),
        (
            {
                "message": {"role": "assistant", "content": "", "tool_calls": [{"function": CALL}]},
                "done_reason": "stop",
            },
            "stop",
        ),
        (
            {
                "text": None,
                "tool_calls": [{"function": {"name": "f", "arguments": '{"a": 1}'}}],
                "stop_reason": "tool_calls",
            },
            "stop",
        ),
        (
            {"message": {"content": None, "tool_calls": [{"id": "c", "function": CALL}]}, "finish_reason": "length"},
            "length",
        ),
        ({"text": "", "tool_calls": [CALL], "finish_reason": None}, "unknown"),
        (
            {"choices": [{"index": 0, "message": {"tool_calls": [{"function": CALL}], "content": []}}], "id": "1"},
            "unknown",
        ),
        ({"response": {"body": {"choices": [{"message": {"function_call": CALL, "content": ""}}]}}}, "unknown"),
        ({"output": [{"type": "reasoning"}, {"type": "function_call", **CALL}], "status": "completed"}, "stop"),
        (
            {"content": [{"type": "tool_use", "name": "f", "input": {"a": 1}}], "stop_reason": "max_tokens", "id": "1"},
            "length",
        ),
        ({"message": {"content": "", "tool_calls": [{"function": CALL}]}, "model": "m", "done": True}, "unknown"),
    ],
    ids=range(10),
)
def test_answers_as_servers_send_them(tmp_path: Path, row: dict[str, object], stop: str) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text("\ufeff" + json.dumps({"case": "w1", "dialect": "native", **row}) + "\n", encoding="utf-8")
    (read,) = recorded_rows(file)
    assert isinstance(read, RecordedRow), read
    assert read.completion == Completion("", (RawCall("f", '{"a": 1}'),), stop)


def recorded(path: Path, **row: object) -> RecordedRow | BadRow:
    path.write_text(json.dumps({"case": "w1", **row}) + "\n", encoding="utf-8")
    (read,) = recorded_rows(path)
    return read


EMPTY = {"role": "assistant", "content": None}


@pytest.mark.parametrize(
    ("row", "stop"),
    [
        ({"choices": [{"message": {**EMPTY, "reasoning_content": "hm"}, "finish_reason": "length"}]}, "length"),
        ({"choices": [{"message": {**EMPTY, "tool_calls": []}, "finish_reason": "stop"}]}, "stop"),
        ({"choices": [{"message": {**EMPTY, "refusal": None, "tool_calls": None}}]}, "unknown"),
        ({"choices": [{"text": None, "finish_reason": "content_filter"}]}, "unknown"),
        ({"message": EMPTY, "finish_reason": "length"}, "length"),
        ({"message": {"content": "", "thinking": "hm"}, "done_reason": "length"}, "length"),
        ({"content": [], "stop_reason": "end_turn"}, "stop"),
        ({"output": [{"type": "reasoning"}], "status": "incomplete"}, "unknown"),
        ({"text": None, "stop_reason": "length"}, "length"),
        ({"tool_calls": []}, "unknown"),
    ],
    ids=range(10),
)
def test_a_reply_without_text_and_calls_is_an_empty_answer(tmp_path: Path, row: dict[str, object], stop: str) -> None:
    read = recorded(tmp_path / "x.jsonl", **row)
    assert isinstance(read, RecordedRow), read
    assert read.completion == Completion("", (), stop)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"custom_id": "w1", "response": None, "error": {"code": "expired", "message": "too late"}}, "too late"),
        ({"response": {"status_code": 500, "body": {"error": {"message": "overloaded"}}}}, "overloaded"),
        ({"error": {"code": "rate_limit"}}, "rate_limit"),
        ({"error": "no connection"}, "no connection"),
        ({"text": 5}, "must be a string, not 5"),
        ({"message": {"role": "assistant"}}, "must have the field content, not only role"),
        ({"stop_reason": "stop"}, "must have the field text"),
    ],
    ids=range(7),
)
def test_a_row_without_an_answer_says_why(tmp_path: Path, row: dict[str, object], why: str) -> None:
    read = recorded(tmp_path / "x.jsonl", **row)
    assert isinstance(read, BadRow), read
    assert why in read.reason


END_TOKENS = {
    "hermes": "<|im_end|>",
    "kimi": "<|im_end|>\n",
    "lfm2": "<|im_end|><|endoftext|><|endoftext|>",
    "qwen_xml": "\n<|im_end|>",
    "mistral": "</s>",
    "llama3": "<|eot_id|>",
    "llama4": "<|eot|>",
    "deepseek": "<｜end▁of▁sentence｜>",
    "glm": "<|observation|>",
    "pythonic": "<end_of_turn>",
    "tagged": "<end_of_turn>\n<eos><pad><pad>",
    "functiongemma": "<start_function_response>",
    "gemma4": "<|tool_response>",
    "json": "<|end|>",
}


@pytest.mark.parametrize(("dialect", "token"), END_TOKENS.items(), ids=END_TOKENS)
def test_the_end_token_of_a_recorded_text_is_not_part_of_it(tmp_path: Path, dialect: str, token: str) -> None:
    reader = load("toolmark.dialects", dialect)()
    read = recorded(tmp_path / "x.jsonl", text=ONE[dialect] + token, dialect=dialect)
    assert isinstance(read, RecordedRow), read
    assert read.completion.stop_reason == "stop"
    strict = reader.parse(read.completion, strict=True)
    assert (strict.error, [call.name for call in strict.calls]) == (None, ["f"])
    cut = recorded(tmp_path / "y.jsonl", text=ONE[dialect] + token, stop_reason="length")
    assert isinstance(cut, RecordedRow)
    assert cut.completion.stop_reason == "length"
    more = recorded(tmp_path / "z.jsonl", text=f"{ONE[dialect]}{token} Next turn")
    assert isinstance(more, RecordedRow)
    assert (more.completion.stop_reason, more.completion.text) == ("unknown", f"{ONE[dialect]}{token} Next turn")


@pytest.mark.parametrize(
    "text",
    ["It costs <s>5</s>", "<|channel|>final<|message|>Hi<|end|>", "Hi<pad>", "<|im_end|> is a token.", "", "Hi"],
)
def test_other_texts_stay_as_they_are(tmp_path: Path, text: str) -> None:
    read = recorded(tmp_path / "x.jsonl", text=text)
    assert isinstance(read, RecordedRow)
    assert (read.completion.text, read.completion.stop_reason) == (text, "unknown")


def test_one_reply_has_one_answer(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    said = {"message": {"content": "No."}}
    rows = [{"choices": [said, said]}, {"choices": []}, {"response": {"status_code": 500}}, {"message": {}}]
    file.write_text("".join(json.dumps({"case": "w1", "dialect": "native", **row}) + "\n" for row in rows))
    assert all(isinstance(row, BadRow) for row in recorded_rows(file))
