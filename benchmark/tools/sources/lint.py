"""What is wrong with tools that can be read: faults that make them useless to a model, each with its place and its fix.

A source refuses what it cannot read. What is left are tools that a dialect cannot carry, that a model cannot choose
between or fill in, or whose schema contradicts itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.tools.schemas import compile_schema, problems, subschemas
from toolmark.benchmark.tools.sources import ToolsFile

__all__ = ["ToolFault", "lint"]

_CARRIED = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NATIVE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_MAX_SHOWN = 60


@dataclass(frozen=True, slots=True)
class ToolFault:
    """One fault.

    Attributes:
        place: `file:line`, or the name of what has no lines.
        what: What is wrong, with the value.
        fix: What to do.
        severity: An `error` stops a generation; a `warning` is told.
    """

    place: str
    what: str
    fix: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.place}: {self.what}. {self.fix}"


def lint(read: ToolsFile) -> list[ToolFault]:
    """Every fault of the tools of a source, tool by tool in its order."""
    faults: list[ToolFault] = []
    spelled: dict[str, Tool] = {}
    described: dict[str, Tool] = {}
    for tool in read.tools:
        place = read.place(tool.name)
        faults += _names(tool, place)
        plain = re.sub(r"[^a-z0-9]", "", tool.name.casefold())
        if plain in spelled and tool.name != spelled[plain].name:
            other = spelled[plain].name
            what = f"the names {tool.name!r} and {other!r} ({read.place(other)}) differ in case or marks alone"
            faults.append(ToolFault(place, what, "Rename one of the two."))
        spelled.setdefault(plain, tool)
        text = tool.description.casefold()
        if not text.strip():
            what, fix = f"{tool.name} has no description", "Say in a sentence what it does: a model chooses by that."
            faults.append(ToolFault(place, what, fix))
        elif text in described:
            what = f"{tool.name} and {described[text].name} have the same description"
            faults.append(ToolFault(place, what, "Say how they differ.", "warning"))
        described.setdefault(text, tool)
        faults += _arguments(tool, read)
    faults += [ToolFault(*_split(line), severity="warning") for line in read.left_out]
    return faults


def _split(line: str) -> tuple[str, str, str]:
    place, _, what = line.partition(": ")
    return place, what, "It is not among the tools."


def _names(tool: Tool, place: str) -> Iterator[ToolFault]:
    if not _CARRIED.fullmatch(tool.name):
        what = f"the name {_shown(tool.name)} can be carried by no dialect"
        yield ToolFault(place, what, "Use 1 to 64 letters, digits, underscores, points and hyphens.")
    elif not _NATIVE.fullmatch(tool.name):
        what = f"the name {tool.name!r} is refused by some providers"
        yield ToolFault(place, what, "Begin with a letter and use no points.", "warning")


def _arguments(tool: Tool, read: ToolsFile) -> Iterator[ToolFault]:
    properties = tool.parameters.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    for name in tool.parameters.get("required") or ():  # type: ignore[union-attr]
        if name not in properties:
            what = f"{tool.name} requires the argument {name!r} and does not describe it"
            yield ToolFault(read.place(tool.name), what, "Add it to properties, or take it out of required.")
    for name, schema in properties.items():
        place = read.place(tool.name, name)
        if not name.strip() or len(name) > 64 or not name.isprintable():
            what = f"{tool.name} has an argument called {_shown(name)}"
            yield ToolFault(place, what, "Use 1 to 64 printable characters.")
        if not isinstance(schema, dict):
            continue
        if not _says_something(schema, tool.parameters):
            what = f"the argument {name!r} of {tool.name} has no description"
            yield ToolFault(place, what, "Say what it is.", "warning")
        yield from _values(tool, name, schema, place)


def _says_something(schema: dict[str, Any], whole: dict[str, Any]) -> bool:
    if schema.get("description") or "enum" in schema or "const" in schema:
        return True
    target = str(schema.get("$ref", "")).rpartition("/")[2]
    definition = (whole.get("$defs") or {}).get(target)
    return isinstance(definition, dict) and bool(definition.get("description") or "enum" in definition)


def _values(tool: Tool, name: str, schema: dict[str, Any], place: str) -> Iterator[ToolFault]:
    """Defaults and enums that their own schema refuses: what YAML makes of `no` and of dates is often the cause."""
    definitions: dict[str, Any] = {
        key: tool.parameters[key] for key in ("$defs", "definitions") if key in tool.parameters
    }
    for _, node in subschemas(schema):
        given = [("default", node["default"])] if "default" in node else []
        given += [("enum value", value) for value in node.get("enum") or ()]
        for kind, value in given:
            found = problems(value, compile_schema({**definitions, **node})) if not isinstance(value, dict) else []
            if found:
                what = f"the {kind} {_shown(value)} of {tool.name}.{name} is refused by its own schema"
                fix = "Put it in quotes." if isinstance(value, bool | int | float) else "Correct the value or the type."
                yield ToolFault(place, f"{what}: {found[0].message}", fix)
        values = node.get("enum") or ()
        if any(isinstance(value, bool) for value in values) and any(isinstance(value, str) for value in values):
            what = f"the enum of {tool.name}.{name} mixes texts and booleans"
            yield ToolFault(place, what, 'Write "true" and "false" in quotes where texts are meant.')


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
