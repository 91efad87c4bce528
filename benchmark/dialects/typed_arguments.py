"""Completes calls with the schema of their tool.

Some forms write every argument as plain text, for example `<parameter=a>3</parameter>`. Only the schema of the tool
tells whether `3` is a number or a string. And a lenient reading of `f(3)` takes the names of the arguments from the
schema. Dialects do not know the tools, so the calls are completed after a reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from toolmark.benchmark.data.cases import Call, Tool
from toolmark.benchmark.data.completions import FailedAttempt, ParsedCompletion, UntypedCall
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.literals import PYTHON
from toolmark.benchmark.tools.schemas import per_tool

__all__ = ["guessed", "typed"]

_WORDS = {"True": True, "False": False, "None": None}
"""Python's words, which some chat templates write instead of `true`, `false` and `null`."""
_TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}
_OF_VALUES = tuple("{[-0123456789tfn")
"""The first characters of JSON values that are not strings. In `"a"`, the quotation marks are part of the argument."""
_MAX_STEPS = 32


def guessed(call: UntypedCall) -> Call | None:
    """Return the call with guessed types of its arguments. None if an argument has no name.

    A text that is JSON has the type of the JSON value. Every other text is a string.
    """
    if call.positional:
        return None
    texts = {name: _value(text, frozenset()) for name, text in call.texts.items()}
    return Call(name=call.name, arguments={**call.arguments, **texts})


def typed(reading: ParsedCompletion, tools: Sequence[Tool]) -> ParsedCompletion:
    """Return a reading with complete calls. Missing types and names are taken from the schemas of the offered tools.

    A call is a failed attempt if its arguments without names do not fit the schema of the tool.
    """
    if not reading.untyped:
        return reading
    calls: list[Call] = []
    failed = list(reading.failed)
    for call in reading.untyped:
        found = call if isinstance(call, Call) else _completed(call, _tool(call.name, tools))
        if found is not None:
            calls.append(found)
        else:
            failed.append(FailedAttempt(None, "an argument has no name", call.name, cut=False))
    return replace(reading, calls=tuple(calls), failed=tuple(failed))


def _tool(name: str, tools: Sequence[Tool]) -> Tool | None:
    exact = next((tool for tool in tools if tool.name == name), None)
    spelled = name.replace(".", "_")
    return exact or next((tool for tool in tools if tool.name.replace(".", "_") == spelled), None)


def _completed(call: UntypedCall, tool: Tool | None) -> Call | None:
    schemas = {} if tool is None else tool.properties
    if len(call.positional) > len(schemas):
        return None
    arguments = dict(zip(schemas, call.positional, strict=False))
    if not arguments.keys().isdisjoint(call.arguments):
        return None
    types = _types_of(tool) if tool is not None and call.texts else {}
    texts = {name: _value(text, types.get(name, frozenset())) for name, text in call.texts.items()}
    written = {**arguments, **call.arguments, **texts}
    return Call(name=call.name, arguments=written)


@per_tool
def _types_of(tool: Tool) -> Mapping[str, frozenset[str]]:
    """Return the names of the types that the schema of a tool allows for each argument. An empty set allows all."""
    return {name: frozenset(_types(schema, tool.parameters)) for name, schema in tool.properties.items()}


def _types(schema: Any, root: Mapping[str, Any], steps: int = 0) -> Iterator[str]:
    """Yield the names of the types that a schema allows. If no name is yielded, every type is allowed."""
    if not isinstance(schema, Mapping) or steps > _MAX_STEPS:
        return
    kind = schema.get("type")
    yield from [kind] if isinstance(kind, str) else [name for name in kind or () if isinstance(name, str)]
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        target: Any = root
        for part in reference[2:].split("/"):
            target = target.get(part) if isinstance(target, Mapping) else None
        yield from _types(target, root, steps + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        found = schema.get(key)
        options = found if isinstance(found, list) else []
        for option in options:
            yield from _types(option, root, steps + len(options))
    if kind is None:
        values = schema.get("enum", [schema["const"]] if "const" in schema else [])
        yield from (_TYPES[type(value)] for value in values if type(value) in _TYPES)


def _value(text: str, types: frozenset[str]) -> Any:
    """Return the value of an argument that is written as text.

    - If the schema allows only strings, the text is a string, because strings are written without quotation marks.
    - If the schema also allows other types, JSON of one of these types has this type, and every other text is a string.
      vLLM's parser of GLM also decodes every text whose type is not exactly `string` (`glm4_moe_tool_parser.py`).
    - If the schema allows no strings or names no type, JSON has the type of its value.

    Python's words, lists and dicts count as JSON, because some chat templates write them. The first chat template of
    Qwen3-Coder writes `['a', True]`, and vLLM's parsers of Qwen3-Coder and GLM read it.

    Args:
        text: The text.
        types: Names of the types that the schema allows. Empty if it names none.
    """
    others = types - {"string"}
    if types and not others:
        return text
    stripped = text.strip()
    value: Any = text
    if stripped in _WORDS:
        value = _WORDS[stripped]
    elif stripped.startswith(_OF_VALUES):
        try:
            value = _decoded(stripped)
        except ValueError:
            return text
    if "string" not in types and stripped not in _WORDS:
        return value
    return value if not types or _fits(value, others) else text


def _decoded(text: str) -> Any:
    """Return the value of a text that is JSON, or a list or a dict of Python.

    Raises:
        ValueError: The text is neither.
    """
    try:
        return json_in_text.loads(text, strict=True)
    except ValueError:
        if not text.startswith(("[", "{")):
            raise
    mistakes: list[str] = []
    value, end = PYTHON.value(text, 0, mistakes)
    json_in_text.check(value, strict=True)
    if mistakes or end < len(text):
        raise ValueError("the text is not a Python literal")
    return value


def _fits(value: Any, types: frozenset[str]) -> bool:
    kind = _TYPES[type(value)]
    return kind in types or (kind == "integer" and "number" in types)
