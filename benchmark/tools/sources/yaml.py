"""Tools and toolboxes from a `tools.yaml`.

Two forms are read. A list of tools, as in the original tutorial:

    - name: word_count
      description: Count the words.
      parameters: {properties: {text: {type: string}}}

and a mapping that may also bind implementations and name toolboxes:

    tools:
      - {name: word_count, description: …, parameters: {…}, run: "my_tools:word_count", effects: pure}
    toolboxes:
      writing: [word_count, slugify_text]

The document is built here from the parser's nodes and not by a loader: every value keeps its line for the error
messages, only JSON's types exist, nothing can be constructed from a tag, and an alias cannot multiply without bound.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from benchmark.cases import Effects, Tool
from benchmark.errors import InputError
from benchmark.tools.schemas import SchemaError, check_schema, subschemas

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ToolsFile", "read_tools_file"]

MAX_VALUES = 200_000
MAX_DEPTH = 64

_PREFIX = "tag:yaml.org,2002:"
_KEYS = frozenset({"name", "description", "parameters", "run", "effects"})

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class ToolsFile:
    """What a file offers: its tools in order, and toolboxes as lists of tool names."""

    tools: tuple[Tool, ...]
    toolboxes: dict[str, tuple[str, ...]]


def read_tools_file(path: str | Path) -> ToolsFile:
    """Read a `tools.yaml` (YAML 1.2).

    Parameters without `type` or `required` (the tutorial's) are completed: an object, all properties required, no
    others allowed. A `run` that names a file is relative to the folder of `path`. A toolbox may name tools that are
    not in this file; whoever resolves it knows where else to look.

    Raises:
        InputError: With file and line.
    """
    return _Document(Path(path)).tools_file()


@dataclass
class _Document:
    """One file while it is read: its values as JSON, and the line of each."""

    path: Path
    lines: dict[Place, int] = field(default_factory=dict)

    def tools_file(self) -> ToolsFile:
        document = self._load()
        if isinstance(document, list):
            return ToolsFile(self._tools(document, ()), {})
        if not isinstance(document, dict):
            raise self._error((), f"expected a list of tools or a mapping, not {_kind(document)}")
        for key in document:
            if key not in ("tools", "toolboxes"):
                raise self._error((key,), f"unknown key {key!r}", "The keys are tools and toolboxes.")
        listed = document.get("tools", [])
        if not isinstance(listed, list):
            raise self._error(("tools",), f"tools is a list, not {_kind(listed)}")
        return ToolsFile(self._tools(listed, ("tools",)), self._toolboxes(document.get("toolboxes", {})))

    def _load(self) -> Any:
        try:
            text = self.path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}: not UTF-8 text: {error.reason}", "Save it as UTF-8.") from None
        except OSError as error:
            raise InputError(f"Cannot read {self.path}: {error.strerror}", "Give the path of a tools.yaml.") from None
        yaml = YAML(typ="safe", pure=True)
        try:
            node = yaml.compose(text)
            if node is None:
                raise self._error((), "the file is empty", "List at least one tool.")
            return self._plain(node, (), yaml)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise InputError(f"{self.path}:{line}: invalid YAML: {error.problem}", "Correct the YAML.") from None
        except (YAMLError, RecursionError) as error:
            reason = " ".join(str(error).split()) or "nested too deeply"
            raise InputError(f"{self.path}:1: invalid YAML: {reason}", "Correct the YAML.") from None

    def _plain(self, node: Node, place: Place, yaml: YAML) -> Any:
        # Under a key, the line of the key is the better place to look.
        self.lines.setdefault(place, node.start_mark.line + 1)
        if len(self.lines) > MAX_VALUES or len(place) > MAX_DEPTH:
            fix = "Write out what the aliases (*) repeat, or split the file."
            raise self._error(place, f"more than {MAX_VALUES} values or {MAX_DEPTH} levels", fix)
        kind = str(node.tag).removeprefix(_PREFIX)
        if isinstance(node, MappingNode) and kind == "map":
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                self.lines[(*place, key)] = key_node.start_mark.line + 1
                if not isinstance(key_node, ScalarNode) or str(key_node.tag) != _PREFIX + "str":
                    raise self._error((*place, key), f"the key {key!r} is not a string", "Put it in quotes.")
                if key in mapping:
                    raise self._error((*place, key), f"the key {key!r} appears twice", "Remove one of the two.")
                mapping[key] = self._plain(value_node, (*place, key), yaml)
            return mapping
        if isinstance(node, SequenceNode) and kind == "seq":
            return [self._plain(item, (*place, index), yaml) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and kind in ("str", "int", "float", "bool", "null"):
            return node.value if kind == "str" else yaml.constructor.construct_object(node)
        if kind == "timestamp":
            raise self._error(place, f"{node.value} reads as a date", f'Put it in quotes: "{node.value}".')
        raise self._error(place, f"the tag {node.tag!s} is not allowed", "Use plain values only.")

    def _tools(self, listed: list[Any], place: Place) -> tuple[Tool, ...]:
        tools: dict[str, Tool] = {}
        for index, entry in enumerate(listed):
            here = (*place, index)
            tool = self._tool(entry, here)
            if tool.name in tools:
                raise self._error(
                    (*here, "name"), f"a tool named {tool.name!r} appears twice", "Rename one of the two."
                )
            tools[tool.name] = tool
        return tuple(tools.values())

    def _tool(self, entry: Any, here: Place) -> Tool:
        if not isinstance(entry, dict):
            raise self._error(here, f"a tool is a mapping, not {_kind(entry)}", "Write name, description, parameters.")
        for key in entry:
            if key not in _KEYS:
                raise self._error((*here, key), f"unknown key {key!r}", f"The keys are {', '.join(sorted(_KEYS))}.")
        name, description = entry.get("name"), entry.get("description", "")
        if not isinstance(name, str) or not name:
            raise self._error((*here, "name"), f"a tool's name is a text, not {_kind(name)}", "Give it a name.")
        if not isinstance(description, str):
            what = f"the description of {name} is a text, not {_kind(description)}"
            raise self._error((*here, "description"), what, "Put it in quotes.")
        effects = entry.get("effects", "write")
        if effects not in get_args(Effects):
            what = f"the effects of {name} are {effects!r}"
            raise self._error((*here, "effects"), what, f"Use one of {', '.join(get_args(Effects))}.")
        return Tool(
            name=name,
            description=description,
            parameters=self._parameters(entry.get("parameters", {}), name, (*here, "parameters")),
            run=self._run(entry.get("run"), name, (*here, "run")),
            effects=effects,
        )

    def _run(self, run: Any, name: str, place: Place) -> str | None:
        if run is None:
            return None
        if not isinstance(run, str) or not all(run.rpartition(":")) or not run.rpartition(":")[2].isidentifier():
            fix = "Write module:function or path/to/file.py:function."
            raise self._error(place, f"the implementation of {name} is {run!r}", fix)
        source, _, function = run.rpartition(":")
        return f"{(self.path.parent / source).resolve()}:{function}" if source.endswith(".py") else run

    def _parameters(self, parameters: Any, name: str, place: Place) -> dict[str, Any]:
        if not isinstance(parameters, dict):
            raise self._error(place, f"the parameters of {name} are a mapping, not {_kind(parameters)}")
        schema = dict(parameters)
        if "type" not in schema and "required" not in schema and not any(key.startswith("$ref") for key in schema):
            properties = schema.get("properties", {})
            if not isinstance(properties, dict):
                raise self._error((*place, "properties"), f"properties is a mapping, not {_kind(properties)}")
            schema = {"type": "object", "properties": properties, "required": list(properties)} | schema
            schema.setdefault("additionalProperties", False)
        try:
            for inner, node in subschemas(schema):
                self._check_enum(node, (*place, *inner, "enum"))
            check_schema(schema)
        except SchemaError as error:
            what = f"the parameters of {name} are no valid JSON Schema: {error}"
            raise self._error((*place, *error.path), what, "Correct the schema.") from None
        if schema.get("type", "object") != "object":
            what = f"the parameters of {name} have the type {schema['type']!r}"
            raise self._error((*place, "type"), what, "Arguments are always an object: use type: object.")
        return schema

    def _check_enum(self, node: Mapping[str, Any], place: Place) -> None:
        """Refuse the `enum: [on, off, true]` accident: booleans among other values, or where a string is declared."""
        values, declared = node.get("enum"), node.get("type")
        if not isinstance(values, list):
            return
        wanted = declared is None or "boolean" in declared
        pure = all(isinstance(value, bool) or value is None for value in values)
        for index, value in enumerate(values):
            if isinstance(value, bool) and not (wanted and (pure or declared is not None)):
                text = str(value).lower()
                raise self._error((*place, index), f"the enum value {text} is a boolean", f'Write "{text}" in quotes.')

    def _toolboxes(self, listed: Any) -> dict[str, tuple[str, ...]]:
        if not isinstance(listed, dict):
            raise self._error(("toolboxes",), f"toolboxes is a mapping of names to lists, not {_kind(listed)}")
        for name, members in listed.items():
            place = ("toolboxes", name)
            if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
                raise self._error(place, f"the toolbox {name!r} is a list of tool names", "List names only.")
            if len(set(members)) < len(members):
                twice = next(member for member in members if members.count(member) > 1)
                raise self._error(place, f"the toolbox {name!r} lists {twice!r} twice", "Remove one of the two.")
        return {name: tuple(members) for name, members in listed.items()}

    def _error(self, place: Place, what: str, fix: str = "Correct its shape.") -> InputError:
        # A value that is missing has no line of its own; its nearest parent has.
        while place and place not in self.lines:
            place = place[:-1]
        return InputError(f"{self.path}:{self.lines.get(place, 1)}: {what}", fix)


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "a boolean", type(None): "nothing"}
    return names.get(type(value), "a number")
