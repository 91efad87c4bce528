"""One right row of each foreign format, in its published shape, all asking for the same call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from toolmark.benchmark.data.cases import Call, Case
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.case_selection import open_reader

WEATHER = {
    "name": "get_weather",
    "description": "Weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 1}},
        "required": ["city"],
    },
}
WRAPPED = {"type": "function", "function": WEATHER}
ARGUMENTS = {"city": "Rome", "days": 3}
CALL = Call(name="get_weather", arguments=ARGUMENTS)
QUESTION = "How is the weather in Rome for three days?"
OPENAI_CALL = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": json.dumps(ARGUMENTS)}}
CHAT = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
    {"role": "tool", "tool_call_id": "1", "content": '{"sky": "clear"}'},
    {"role": "assistant", "content": "Clear."},
]
OLD_CHAT = [
    {"role": "user", "content": QUESTION},
    {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "get_weather", "arguments": json.dumps(ARGUMENTS)},
    },
    {"role": "function", "name": "get_weather", "content": "clear"},
    {"role": "assistant", "content": "Clear."},
]
ANTHROPIC = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 1024,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": QUESTION},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Where?", "signature": "x"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": ARGUMENTS},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "clear"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Clear."}]},
    ],
    "tools": [
        {"name": "get_weather", "description": "Weather of a city.", "input_schema": WEATHER["parameters"]},
    ],
}
GEMINI_CALL = {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": ARGUMENTS}}]}
GEMINI = {
    "systemInstruction": {"role": "system", "parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": QUESTION}]},
        GEMINI_CALL,
        {"role": "user", "parts": [{"functionResponse": {"name": "get_weather", "response": {"sky": "clear"}}}]},
        {"role": "model", "parts": [{"text": "Clear."}]},
    ],
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "get_weather",
                    "description": "Weather of a city.",
                    "parameters": {
                        "type": "OBJECT",
                        "properties": {"city": {"type": "STRING"}, "days": {"type": "INTEGER", "default": 1}},
                        "required": ["city"],
                    },
                }
            ]
        }
    ],
}
XLAM_TOOL = {
    "name": "get_weather",
    "description": "Weather of a city.",
    "parameters": {
        "city": {"type": "str", "description": "Where."},
        "days": {"type": "int, optional", "description": "How long.", "default": 1},
    },
}
API = {
    "name": "QueryWeather",
    "description": "Weather.",
    "input_parameters": {"city": {"type": "str"}, "days": {"type": "int"}},
    "output_parameters": {"sky": {"type": "str"}},
}
INSTRUCTION = "Generate an API request.\n\nAPI descriptions:\n" + json.dumps(API)


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def when2call(**changes: Any) -> dict[str, Any]:
    row = {
        "uuid": "u-1",
        "source_id": "live_simple_1",
        "question": QUESTION,
        "correct_answer": "tool_call",
        "answers": {"tool_call": json.dumps({"name": "get_weather", "arguments": ARGUMENTS}), "direct": "Sunny."},
        "target_tool": "get_weather",
        "tools": [json.dumps({**WEATHER, "parameters": {**WEATHER["parameters"], "type": "dict"}})],
        "held_out_param": None,
    }
    return {**row, **changes}


T = {"tools": [WEATHER]}
LITERAL = {"name": "get_weather", "arguments": ARGUMENTS}
WRITTEN = json.dumps({"name": "get_weather", "arguments": ARGUMENTS})


def shared(role: str, value: str) -> list[dict[str, str]]:
    return [
        {"from": "human", "value": QUESTION},
        {"from": role, "value": value},
        {"from": "tool_response", "value": "x"},
    ]


CALLED = [
    # reader, file, content
    ("anthropic", "x.jsonl", lines(ANTHROPIC)),
    ("anthropic", "x.json", json.dumps([{"custom_id": "r", "params": ANTHROPIC}])),
    ("gemini", "x.jsonl", lines(GEMINI)),
    ("gemini", "x.json", json.dumps([{"key": "r", "request": GEMINI}])),
    ("openai", "x.jsonl", lines({"messages": CHAT, "tools": [WRAPPED]})),
    ("openai", "x.jsonl", lines({"messages": OLD_CHAT, "functions": [WEATHER]})),
    ("openai", "x.jsonl", lines({"custom_id": "r", "body": {"messages": CHAT, "tools": [WRAPPED]}})),
    (
        "openai",
        "x.jsonl",
        lines({"input": {"messages": CHAT[:2], "tools": [WRAPPED]}, "preferred_output": CHAT[2:3]}),
    ),
    ("trl", "x.jsonl", lines({"messages": CHAT, "tools": json.dumps([WRAPPED])})),
    ("trl", "x.jsonl", lines({"prompt": CHAT[1:2], "completion": CHAT[2:], "tools": [WEATHER]})),
    ("trl", "x.jsonl", lines({"prompt": CHAT[1:2], "chosen": CHAT[2:3], "rejected": CHAT[4:], "tools": [WEATHER]})),
    # As text, as in a table.
    ("trl", "x.jsonl", lines({"messages": json.dumps(CHAT), "prompt": None, "tools": json.dumps([WEATHER])})),
    (
        "openai",
        "x.jsonl",
        lines({"messages": [CHAT[1], {**CHAT[2], "tool_calls": f"[{json.dumps(OPENAI_CALL)}]"}], **T}),
    ),
    ("openai", "x.jsonl", lines({"messages": [CHAT[1], {"role": "tool_call", "content": WRITTEN}], **T})),
    ("openai", "x.jsonl", lines({"messages": [CHAT[1], {"role": "tool_call", "content": str(LITERAL)}], **T})),
    ("sharegpt", "x.jsonl", lines({"conversations": json.dumps(shared("function_call", WRITTEN)), **T})),
    ("sharegpt", "x.jsonl", lines({"conversations": shared("tool_call", f"<think>f(</think>{WRITTEN}"), **T})),
    (
        "sharegpt",
        "x.json",
        json.dumps(
            [
                {
                    "conversations": [
                        {"from": "human", "value": QUESTION},
                        {"from": "function_call", "value": json.dumps({"name": "get_weather", "arguments": ARGUMENTS})},
                        {"from": "observation", "value": '{"sky": "clear"}'},
                        {"from": "gpt", "value": "Clear."},
                    ],
                    "tools": json.dumps([WEATHER]),
                    "system": "Be brief.",
                }
            ]
        ),
    ),
    (
        "sharegpt",
        "x.jsonl",
        lines(
            {
                "conversations": [
                    {"from": "system", "value": "Be brief."},
                    {"from": "human", "value": QUESTION},
                    {
                        "from": "gpt",
                        "value": f"<tool_call>\n{{'name': 'get_weather', 'arguments': {ARGUMENTS}}}\n</tool_call>",
                    },
                    {"from": "tool", "value": "<tool_response>\nclear\n</tool_response>"},
                    {"from": "gpt", "value": "Clear."},
                ],
                "tools": [WRAPPED],
            }
        ),
    ),
    ("when2call", "x.jsonl", lines(when2call())),
    (
        "when2call",
        "x.jsonl",
        lines(
            {
                "tools": [WEATHER],
                "messages": [{"role": "user", "content": QUESTION}],
                "chosen_response": {
                    "role": "assistant",
                    "content": f"<TOOLCALL>[{json.dumps({'name': 'get_weather', 'arguments': ARGUMENTS})}]</TOOLCALL>",
                },
            }
        ),
    ),
    (
        "xlam",
        "x.json",
        json.dumps(
            [
                {
                    "id": 7,
                    "query": QUESTION,
                    "tools": json.dumps([XLAM_TOOL]),
                    "answers": json.dumps([{"name": "get_weather", "arguments": ARGUMENTS}]),
                }
            ]
        ),
    ),
    (
        "xlam",
        "x.jsonl",
        lines({"query": QUESTION, "tools": [WEATHER], "answers": [{"tool": "get_weather", "parameters": ARGUMENTS}]}),
    ),
]


def read(reader: str, file: Path, content: str) -> list[Any]:
    file.write_text(content, encoding="utf-8")
    found, path = open_reader(f"{reader}:{file}")
    return list(found.read(path))


def case_of(row: Any) -> Case:
    assert not isinstance(row, BadRow), row.reason
    case = row.case if isinstance(row, Trace) else row
    assert isinstance(case, Case)
    return case
