"""Checks tools for faults that make a tool useless to a model.

These faults are found:

* A dialect cannot write the name of the tool.
* A model cannot distinguish the tool from another tool.
* A model cannot know which values an argument takes.
* The schema contradicts itself.

Tools that cannot be read at all are refused earlier, when their source is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.tools.json_pointer import resolved
from toolmark.benchmark.tools.schemas import SchemaError, compile_schema, problems, subschemas
from toolmark.benchmark.tools.sources import ToolsFile

__all__ = ["ToolFault", "lint"]

_WRITABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PROVIDER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_MAX_HOPS = 16
_MAX_SHOWN = 60


@dataclass(frozen=True, slots=True)
class ToolFault:
    """One fault of a tool.

    Attributes:
        tool: Name of the tool.
        place: Where the fault is, as `file:line`. If the source has no lines, this is the name of the tool.
        what: What is wrong, with the wrong value.
        fix: What the user can do.
        severity: `error` or `warning`. `toolmark generate` leaves out a tool with an error. A warning is only printed.
    """

    tool: str
    place: str
    what: str
    fix: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.place}: {self.what}. {self.fix}"


def lint(tools_file: ToolsFile) -> list[ToolFault]:
    """Return all faults of the tools of a source, in the order of the tools."""
    faults: list[ToolFault] = []
    spelled: dict[str, Tool] = {}
    described: dict[str, Tool] = {}
    for tool in tools_file.tools:
        place = tools_file.place(tool.name)
        faults += _names(tool, place)
        plain = re.sub(r"[^a-z0-9]", "", tool.name.casefold())
        if plain in spelled and tool.name != spelled[plain].name:
            other = spelled[plain].name
            what = (
                f"the names {tool.name!r} and {other!r} ({tools_file.place(other)}) differ only in case or punctuation"
            )
            faults.append(ToolFault(tool.name, place, what, "Rename one of the two tools."))
        spelled.setdefault(plain, tool)
        text = tool.description.casefold()
        if not text.strip():
            what, fix = (
                f"{tool.name} has no description",
                "Describe in one sentence what the tool does, because a model chooses by the description.",
            )
            faults.append(ToolFault(tool.name, place, what, fix))
        elif text in described:
            what = f"{tool.name} and {described[text].name} have the same description"
            faults.append(ToolFault(tool.name, place, what, "Describe how the two tools differ.", "warning"))
        described.setdefault(text, tool)
        faults += _arguments(tool, tools_file)
    return faults


def _names(tool: Tool, place: str) -> Iterator[ToolFault]:
    if not _WRITABLE_NAME.fullmatch(tool.name):
        what = f"no dialect can write the name {_shown(tool.name)}"
        yield ToolFault(tool.name, place, what, "Use 1 to 64 letters, digits, underscores, dots and hyphens.")
    elif not _PROVIDER_NAME.fullmatch(tool.name):
        what = f"some providers refuse the name {tool.name!r}"
        yield ToolFault(tool.name, place, what, "Begin with a letter and use no dots.", "warning")


def _arguments(tool: Tool, tools_file: ToolsFile) -> Iterator[ToolFault]:
    properties = tool.properties
    for name in tool.parameters.get("required") or ():  # type: ignore[union-attr]
        if name not in properties:
            what = f"{tool.name} requires the argument {name!r} but does not describe it"
            fix = "Add the argument to properties, or remove it from required."
            yield ToolFault(tool.name, tools_file.place(tool.name), what, fix)
    for name, schema in properties.items():
        place = tools_file.place(tool.name, name)
        if not name.strip() or len(name) > 64 or not name.isprintable():
            what = f"{tool.name} has an argument called {_shown(name)}"
            yield ToolFault(tool.name, place, what, "Use 1 to 64 printable characters.")
        if not isinstance(schema, dict):
            continue
        if not _is_described(schema, tool.parameters):
            what = f"the argument {name!r} of {tool.name} has no description"
            yield ToolFault(tool.name, place, what, "Describe the argument.", "warning")
        yield from _values(tool, name, schema, place)


def _is_described(schema: Any, whole: dict[str, Any]) -> bool:
    """Return whether a schema, or a schema that it refers to, describes its values."""
    for _ in range(_MAX_HOPS):
        if not isinstance(schema, dict):
            return False
        if schema.get("description") or "enum" in schema or "const" in schema:
            return True
        try:
            schema = resolved(whole, str(schema["$ref"]))[0]
        except LookupError:
            return False
    return False


def _values(tool: Tool, name: str, schema: dict[str, Any], place: str) -> Iterator[ToolFault]:
    """Find default values and enum values that do not fit their own schema.

    The usual cause is a value in YAML without quotes. For example, YAML reads `true` as a boolean and not as a string.
    """
    definitions: dict[str, Any] = {
        key: tool.parameters[key] for key in ("$defs", "definitions") if key in tool.parameters
    }
    for _, node in subschemas(schema):
        given = [("default", node["default"])] if "default" in node else []
        given += [("enum value", value) for value in node.get("enum") or ()]
        if not given:
            continue
        # An enum value always matches its own enum, so the keyword `enum` is left out here. If it stayed, the time
        # would grow with the square of the number of enum values.
        parts = {key: part for key, part in node.items() if key != "enum"}
        try:
            whole, without_enum = compile_schema({**definitions, **node}), compile_schema({**definitions, **parts})
        except SchemaError:  # A reference names a part of the schema outside of this node.
            continue
        for kind, value in given:
            if isinstance(value, dict):
                continue
            violations = problems(value, whole if kind == "default" else without_enum)
            if violations:
                what = f"the {kind} {_shown(value)} of {tool.name}.{name} does not match its own schema"
                fix = (
                    "Put the value in quotes."
                    if isinstance(value, bool | int | float)
                    else "Correct the value or the type."
                )
                yield ToolFault(tool.name, place, f"{what}: {violations[0].message}", fix)
        values = node.get("enum") or ()
        if any(isinstance(value, bool) for value in values) and any(isinstance(value, str) for value in values):
            what = f"the enum of {tool.name}.{name} mixes strings and booleans"
            yield ToolFault(tool.name, place, what, 'Write "true" and "false" in quotes if they are strings.')


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
