"""Right files, which are then damaged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.benchmark.readers.samples import CALLED, CHAT, INSTRUCTION, WEATHER
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.readers.tool_formats import tool_of, toolbox_of

_COMMON = {"toolbox": [WEATHER], "split": "test", "licence": "CC0-1.0", "source": {"name": "made", "ref": "1"}}
CASES: tuple[dict[str, Any], ...] = (
    {
        **_COMMON,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Rome?"}],
        "expect": {
            "action": "call",
            "any_of": [
                {
                    "order": "any",
                    "names": "exact",
                    "calls": [
                        {
                            "name": "get_weather",
                            "arguments": {"city": {"match": "casefold", "of": ["Rome"]}, "days": [1, 2]},
                            "optional": ["days"],
                        }
                    ],
                }
            ],
        },
        "group": "g",
        "tags": {"difficulty": "easy", "tool": "get_weather", "topic": "weather"},
    },
    {
        **_COMMON,
        "messages": [{"role": "user", "content": "How many days?"}],
        "expect": {"action": "abstain", "reason": "missing_argument", "tool": "get_weather", "missing": "city"},
        "tags": {"difficulty": "hard", "topic": "weather"},
        "waiver": "doubtful",
    },
    {
        **_COMMON,
        "messages": [*CHAT[1:2], {"role": "user", "content": "And now?"}],
        "toolbox": "own",
        "expect": {"action": "abstain", "reason": "no_tool_needed"},
    },
)
CASE_LINES = "".join(json.dumps(case) + "\n" for case in CASES[:2]).encode()
NAMED_LINES = (json.dumps(CASES[2] | {"messages": [{"role": "user", "content": "Hello"}]}) + "\n").encode()

TOOLS_YAML = b"""\
tools:
- name: find_city
  description: Find a city by its name.
  parameters:
    properties:
      name: {type: string, description: Name of the city, minLength: 2, maxLength: 20, pattern: "^[A-Z][a-z]+$"}
      kind: {enum: [town, village], default: town}
      count: {type: integer, minimum: 1, maximum: 9, multipleOf: 2}
      when: {type: string, format: date}
      near: {$ref: "#/$defs/Place"}
      tags: {type: array, items: {type: string}, minItems: 1, uniqueItems: true}
      way: {anyOf: [{type: object, required: [id], properties: {id: {type: integer}}}, {type: "null"}]}
    required: [name]
    $defs:
      Place: {type: object, properties: {x: {type: number}, inner: {$ref: "#/$defs/Place"}}}
  effects: read
- {name: list_all, description: List everything that is known.}
toolboxes:
  own: [find_city, list_all]
"""
TOOLS_JSON = json.dumps(
    {"tools": [{"type": "function", "function": WEATHER}, {"type": "function", "function": {"name": "go"}}]}
).encode()
OPENAPI = b"""\
openapi: 3.0.3
info: {title: Shop, version: "1"}
servers: [{url: "https://{host}/v1", variables: {host: {default: shop.example}}}]
security: [{key: []}]
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}, other: {type: http, scheme: bearer}}
  parameters:
    Page: {name: page, in: query, description: Number of the page, schema: {type: integer, minimum: 1}}
  schemas:
    Item:
      type: object
      required: [name]
      properties: {name: {type: string}, parts: {type: array, items: {$ref: "#/components/schemas/Item"}}}
paths:
  /items/{id}:
    parameters:
    - {name: id, in: path, required: true, description: Number of the item, schema: {type: integer}}
    get:
      operationId: getItem
      summary: Get an item
      parameters:
      - {$ref: "#/components/parameters/Page"}
      - {name: how, in: query, content: {application/json: {schema: {type: object}}}}
    put:
      operationId: putItem
      description: Replace an item
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Item"}}}}
  /items:
    post:
      summary: Add items
      x-toolmark-effects: write
      requestBody: {content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Item"}}}}}
"""

TRACES = tuple(
    {
        "messages": [turn for turn in CHAT[1:] if turn["role"] != "developer"]
        if tool
        else [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hello!"}],
        "tools": json.dumps([{"type": "function", "function": WEATHER}]),
        "query": f"Question {tool}",
        "query_type": "easy" if tool else "no_tool",
        "tool_needed": tool,
        "tool_name": "get_weather" if tool else None,
        "num_tools_available": 1,
        "case_id": "abc" if tool else None,
        "source": "made/test",
    }
    for tool in (True, False)
)
for _turn in (turn for row in TRACES for turn in row["messages"]):  # type: ignore[attr-defined]
    if isinstance(_turn["content"], list):
        _turn["content"] = _turn["content"][0]["text"]
STATE = {
    "_data_files": [{"filename": "data.arrow"}],
    **dict.fromkeys(("_fingerprint", "_format_columns", "_format_type", "_split")),
    "_format_kwargs": {},
    "_output_all_columns": False,
}
MANIFEST = {"generator": "template", "options": {"count": 2, "tools": None}, "seed": 1, "execute": "read"}

RUN = {
    "run": {
        "identity": {"model": "tiny", "weights": "0123456789abcdef", "dialect": "json/1"},
        "environment": {"python": "3.11"},
        "cases": {"a": "x", "b": "y"},
        "candidate": "tiny",
        "training": {"curve": [{"step": 1, "loss": 2.0}], "data": {"conversations": 3, "tools": ["x"]}, "trainer": "t"},
    }
}


def completions(ids: Sequence[str]) -> list[dict[str, Any]]:
    """The lines of a ledger that answer these cases."""
    return [
        {
            "key": f"k{case_id}",
            "case_id": case_id,
            "epoch": 1,
            "text": '{"name": "get_weather", "arguments": {"city": "Rome"}}',
            "tool_calls": [{"name": "get_weather", "arguments": "{}"}],
            "stop_reason": "stop",
            "usage": {"input_tokens": 3, "output_tokens": 4, "seconds": 0.5, "cost": 0.1},
        }
        for case_id in ids
    ]


CALLED_ONCE = {"name": "get_weather", "arguments": '{"city": "Rome"}'}
RECORDED = "".join(
    json.dumps({"case": "1", "text": "No.", "dialect": "json", "epoch": epoch, "message": {"content": "No."}}) + "\n"
    for epoch in (1, 2)
).encode()
_REPLY = {"role": "assistant", "content": "No.", "tool_calls": [{"type": "function", "function": CALLED_ONCE}]}
SERVED = "".join(
    json.dumps(row) + "\n"
    for row in (
        {"case": "1", "choices": [{"index": 0, "message": _REPLY, "finish_reason": "tool_calls"}]},
        {"custom_id": "1", "epoch": 2, "response": {"body": {"choices": [{"message": _REPLY}]}}},
        {"case": "1", "epoch": 3, "output": [{"type": "function_call", **CALLED_ONCE}], "status": "incomplete"},
        {"case": "1", "epoch": 4, "content": [{"type": "text", "text": "No."}], "stop_reason": "end_turn"},
    )
).encode()
CLIENT_TOOLS = json.dumps(
    {"jsonrpc": "2.0", "result": {"tools": [{"name": "go", "inputSchema": WEATHER["parameters"], "title": "Go"}]}}
).encode()
RECIPE = b"""\
base = "pocket"
seed = 1
dialect = "tagged"

[template_args]
enable_thinking = false

[generator]
name = "template"
count = 20
shares = {easy = 1.0}

[trainer]
name = "lora"
lr = 2e-4
epochs = 1
dev = "data"
"""
PYPROJECT = b"""\
[tool.toolmark]
model = ["policy/first"]
limit = 2
margin = 0.05
floor = {"timing.recall" = 0.5}
execute = "pure"
"""
DOTENV = b"TOOLMARK_LIMIT=2\nTOOLMARK_MARGIN=0.05\nTOOLMARK_FLOOR=timing.recall=0.5\n"
HELD_OUT = b'held_out_tools = ["char_count"]\n[test_queries]\nhashes = ["0123"]\n'


def case_ids() -> tuple[str, ...]:
    """The ids of the cases in `CASE_LINES`."""
    box = toolbox_of([tool_of(WEATHER)])
    return tuple(Case.model_validate({**case, "toolbox": box}).id for case in CASES[:2])


def _quoted(cell: str) -> bytes:
    return f'"{cell.replace(chr(34), chr(34) * 2)}"'.encode()


_API_ROW = {
    "instruction": INSTRUCTION,
    "input": "User: Weather in Rome?\nAI: One moment.\nGenerate API Request:\n",
    "expected_output": "API-Request: [QueryWeather(city='Rome', days=2)]",
}
_SEAL_TOOL = {"api_name": "force", "api_description": "", "field": "a/b", "parameters": {"mass": {"type": "float"}}}
_SEAL_ROW = {
    "id": "1",
    "query": "Force?",
    "calling": [{"api": "force", "parameters": {"mass": "3.5"}, "responses": []}],
}
_BFCL = "BFCL_v3_simple.json"
_BFCL_ROW = {"id": "s", "question": [[{"role": "user", "content": "Rome?"}]], "function": [WEATHER]}
_BFCL_ANSWER = {"id": "s", "ground_truth": [{"get_weather": {"city": ["Rome"], "days": ["", 1]}}]}
_PROMPT = "1. tool name: a, tool description: Does a.\n2. tool name: b, tool description: Does b."
_TURNS = [
    {
        "role": "system",
        "content": json.dumps([{"tool_name": "a", "description": "A.", "input_args": {"x": "int - X"}}]),
    },
    {"role": "user", "content": "Do it."},
    {"role": "assistant", "content": '<tool_call>{"tool_name": "a", "args": {"x": 1}}</tool_call>'},
]

FOREIGN: tuple[tuple[str, dict[str, bytes]], ...] = (
    *((reader, {name: content.encode()}) for reader, name, content in CALLED),
    ("apibank", {"x.json": json.dumps([_API_ROW]).encode()}),
    (
        "sealtools",
        {"dev.jsonl": json.dumps(_SEAL_ROW).encode(), "tool.jsonl": json.dumps(_SEAL_TOOL).encode()},
    ),
    ("bfcl", {_BFCL: json.dumps(_BFCL_ROW).encode(), f"possible_answer/{_BFCL}": json.dumps(_BFCL_ANSWER).encode()}),
    ("csv", {"x.csv": b"query,tool\nHow many words?,word_count\nHello,\n"}),
    (
        "metatool",
        {
            "x.json": json.dumps([{"query": "q", "tool": "a", "label": "positive", "action_prompt": _PROMPT}]).encode(),
            "plugin_des.json": json.dumps({"a": "Does a.", "b": "Does b."}).encode(),
        },
    ),
    ("tutorial", {"traces.csv": b"query,trace\nDo it.," + _quoted(json.dumps(_TURNS)) + b"\n"}),
    ("probes", {"x.jsonl": CASE_LINES}),
)
"""For each foreign format, the reader and its files. The first file is the one that is read."""
