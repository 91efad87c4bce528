"""Reads API-Bank (AlibabaResearch/DAMO-ConvAI, api-bank), which has two kinds of files.

Instruction rows are in `training-data/*.json` and in `json_test_data/*.json`, except `level-3.json`. A row has the form
`{"instruction", "input", "expected_output" or "output"}`.

- The instruction ends with the offered APIs, one JSON object on each line. In the training data of level 3, the input
  begins with the APIs instead.
- The input is a dialogue of `User: …`, `AI: …` and `API-Request: [Name(key='value')]->result`.
- The expected output is an `API-Request`, or an answer `AI: …` that uses the result.
- In levels 2 and 3, the model finds its tools with the API `ToolSearcher`. The results of this API contain the
  definitions of these tools, which are also offered.

Dialogues are in `lv1-lv2-samples/**/*.jsonl`. Each line is one turn, `{"role": "User" or "AI", "text"}` or
`{"role": "API", "api_name", "param_dict", "result"}`. API-Bank defines the APIs of dialogues in Python files, which are
not read. The tools of dialogues are read from `--tools`, or otherwise from the `tools.yaml` in the folder of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.strict_json import json_or_literal, strict_json
from toolmark.benchmark.data.cases import Abstain, Call, Case, ExpectCall, Message, Source, Tool, Toolbox
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow, BaseReader
from toolmark.benchmark.readers.conversations import conversation
from toolmark.benchmark.readers.expected_calls import expected_calls, gold_fault
from toolmark.benchmark.readers.file_rows import Row, data_files, json_rows
from toolmark.benchmark.readers.python_calls import python_calls
from toolmark.benchmark.readers.row_conversion import UNREADABLE, convert, field, reason
from toolmark.benchmark.readers.tool_formats import tool_of, toolbox_of
from toolmark.benchmark.readers.tool_labels import offered_tools

__all__ = ["ApiBankReader"]

_LICENCE = "MIT"
_SEARCHER = "ToolSearcher"
_APIS = "API descriptions:"
_REQUEST, _USER, _ASSISTANT = "API-Request:", "User:", "AI:"
_INSTRUCTION_LINES = ("Generate API Request:", "Generate AI Response:")


class ApiBankReader(BaseReader):
    """Reads instruction rows as cases, and dialogues as traces.

    Attributes:
        tools: The value of `--tools`, from which the tools of dialogues are read.
    """

    name = "apibank"
    takes_tools = True

    def read(self, path: Path) -> Iterator[Case | Trace | BadRow]:
        """Yield the rows in order. A dialogue is one trace.

        Raises:
            InputError: A file cannot be read.
        """
        for file in data_files(path, ".json", ".jsonl"):
            rows = list(json_rows(file))
            if any(not isinstance(row, BadRow) and "role" in row for _, row in rows):
                yield self._dialogue(file, rows)
            else:
                yield from convert(file, iter(rows), lambda row, line, file=file: _case(row, f"{file.name}:{line}"))  # type: ignore[misc]

    def _dialogue(self, file: Path, rows: list[tuple[int, Row | BadRow]]) -> Trace | BadRow:
        messages: list[Message] = []
        for line, row in rows:
            if isinstance(row, BadRow):
                return row
            try:
                messages += _turns(row)
            except UNREADABLE as error:
                return BadRow(file, line, reason(error))
        try:
            source = Source(name="apibank", ref=file.name)
            return conversation(messages, offered_tools(file, self.tools), source, _LICENCE)
        except UNREADABLE as error:
            return BadRow(file, 1, reason(error))


def _turns(row: Row) -> list[Message]:
    match row.get("role"):
        case "User":
            return [Message(role="user", content=field(row, "text", str))]
        case "AI":
            return [Message(role="assistant", content=field(row, "text", str))]
        case "API":
            call = Call(name=field(row, "api_name", str), arguments=field(row, "param_dict", dict))
            result = row.get("result")
            text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
            return [
                Message(role="assistant", tool_calls=(call,)),
                Message(role="tool", content=text, name=call.name),
            ]
    raise ValueError(f"the role of a turn must be User, AI or API, not {row.get('role')!r:.80}")


def _case(row: Row, ref: str) -> Case:
    listed, dialogue = _listed(field(row, "instruction", str), field(row, "input", str))
    messages = _messages(dialogue)
    toolbox = _toolbox(listed, _found(messages))
    key = "expected_output" if "expected_output" in row else "output"
    output = field(row, key, str).strip()
    expect: ExpectCall | Abstain
    if output.startswith(_REQUEST):
        calls = python_calls(output.removeprefix(_REQUEST))
        if undefined := [call.name for call in calls if call.name not in toolbox.names]:
            raise ValueError(f"the definition of {undefined[0]} is not in the row, or cannot be read")
        expect = expected_calls(calls, toolbox)
    else:
        answered = messages[-1].role == "tool"
        expect = Abstain(action="abstain", reason="already_answered" if answered else "no_tool_needed")
    return Case(
        messages=messages,
        toolbox=toolbox,
        expect=expect,
        source=Source(name="apibank", ref=ref),
        licence=_LICENCE,
        waiver=gold_fault(expect, toolbox),
    )


def _listed(instruction: str, text: str) -> tuple[list[Any], str]:
    """Return the APIs that a row lists, and its dialogue.

    Args:
        instruction: The instruction of the row.
        text: The input of the row: the dialogue, perhaps after APIs.
    """
    _, marker, after = instruction.rpartition(_APIS)
    if not marker:
        raise ValueError(f"the instruction lists no APIs: it has no line {_APIS!r}")
    written = [line for line in after.split("\n") if line.strip()]
    lines = text.split("\n")
    turns = next((index for index, line in enumerate(lines) if line.strip() and not line.startswith("{")), len(lines))
    written += [line for line in lines[:turns] if line.strip()]
    return [strict_json(line) for line in written], "\n".join(lines[turns:])


def _found(messages: Sequence[Message]) -> Iterator[Any]:
    """Yield the definitions of APIs in the results of `ToolSearcher`."""
    for message in messages:
        if message.role == "tool" and message.name == _SEARCHER:
            try:
                result = json_or_literal(message.content)
            except ValueError:
                continue  # If the definition is needed, the row is a bad row.
            found = result if isinstance(result, list) else [result]
            yield from (api for api in found if isinstance(api, dict) and isinstance(api.get("name"), str))


def _toolbox(listed: Iterable[Any], found: Iterable[Any]) -> Toolbox:
    """Return a toolbox with the listed APIs, and with the found APIs that have other names."""
    tools = [_tool(api) for api in listed if isinstance(api, dict)]
    others: dict[str, Tool] = {}
    for tool in map(_tool, found):
        others.setdefault(tool.name, tool)
    names = {tool.name for tool in tools}
    return toolbox_of([*tools, *(tool for tool in others.values() if tool.name not in names)])


def _tool(api: Mapping[str, Any]) -> Tool:
    return tool_of({**api, "required": []})  # API-Bank does not say which arguments are required.


def _messages(dialogue: str) -> tuple[Message, ...]:
    turns: list[tuple[str, str]] = []
    for line in dialogue.split("\n"):
        head = next((mark for mark in (_REQUEST, _USER, _ASSISTANT) if line.startswith(mark)), None)
        if line.strip() in _INSTRUCTION_LINES:
            continue
        if head is not None:
            turns.append((head, line.removeprefix(head).strip()))
        elif turns:
            turns[-1] = (turns[-1][0], f"{turns[-1][1]}\n{line}".rstrip())
        elif line.strip():
            raise ValueError(f"the dialogue does not begin with {_USER}, {_ASSISTANT} or {_REQUEST}")
    messages: list[Message] = []
    for head, text in turns:
        if head == _REQUEST:
            written, _, result = text.partition("]->")
            calls: Any = python_calls(f"{written}]")
            # A request and the text before the request form one turn.
            before = messages.pop().content if messages and messages[-1].role == "assistant" else ""
            messages.append(Message(role="assistant", content=before, tool_calls=calls))
            messages.append(Message(role="tool", content=result, name=calls[0].name))
        else:
            messages.append(Message(role="user" if head == _USER else "assistant", content=text))
    while messages and messages[-1].role == "assistant":
        messages.pop()  # A text like "Got it." before a call is part of the answer, so the model does not see it.
    if not messages:
        raise ValueError("the dialogue has no turn of the user")
    return tuple(messages)
