"""Builds rows in the forms of the APIs of Anthropic and Gemini, for tests."""

from __future__ import annotations

from typing import Any

from tests.benchmark.readers.samples import ANTHROPIC, CALL, GEMINI, GEMINI_CALL, QUESTION
from toolmark.benchmark.data.cases import Call

PARIS = Call(name="get_weather", arguments={"city": "Paris"})
ASKED = {"role": "user", "content": QUESTION}
ASKED_GEMINI = {"role": "user", "parts": [{"text": QUESTION}]}


def use(number: int, call: Call = CALL) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": call.name, "input": dict(call.arguments)}


def result(number: int, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": content, **more}


def anthropic(*turns: Any, **row: Any) -> dict[str, Any]:
    """A request whose turns follow the question. A list of blocks is a turn of the assistant or a list of results."""
    told = []
    for turn in turns:
        results = isinstance(turn, list) and "tool_result" in str(turn)
        told.append({"role": "user" if results else "assistant", "content": turn} if isinstance(turn, list) else turn)
    return {"messages": [ASKED, *told], "tools": ANTHROPIC["tools"], **row}


def gemini(*contents: Any, **row: Any) -> dict[str, Any]:
    return {"contents": [ASKED_GEMINI, *contents], "tools": GEMINI["tools"], **row}


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def called(call: Call = CALL, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": call.name, "args": dict(call.arguments), **more}}


def returned(response: Any, name: str = "get_weather", **more: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": response, **more}}


ANSWER = {"id": "msg_1", "type": "message", "role": "assistant", "content": [use(1)], "stop_reason": "tool_use"}
RESPONSE = {"candidates": [{"content": GEMINI_CALL, "finishReason": "STOP"}], "modelVersion": "gemini-2.5-flash"}
