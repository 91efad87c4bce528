"""Reads tools and toolboxes from a `tools.yaml`.

Two forms are read. The first form is a list of tools:

    - name: word_count
      description: Count the words.
      parameters: {properties: {text: {type: string}}}

The second form is a mapping, which can also contain toolboxes:

    tools:
      - {name: word_count, description: …, parameters: {…}, run: "my_tools:word_count", effects: pure}
    toolboxes:
      writing: [word_count, slugify_text]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from toolmark.benchmark.data.cases import Effects, Tool
from toolmark.benchmark.tools.implementations import is_remote, source_and_name
from toolmark.benchmark.tools.schemas import SchemaError, check_schema, subschemas
from toolmark.benchmark.tools.sources import GoodTools, ToolsFile
from toolmark.benchmark.tools.sources.client_forms import client_tool, client_tools
from toolmark.benchmark.tools.sources.yaml_document import Place, YamlDocument, kind_of

__all__ = ["read_tools_file"]

_COMBINING = frozenset({"allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"})
_WITH_MAPPINGS = _COMBINING | {
    *("$defs", "additionalProperties", "const", "contains", "default", "definitions", "dependencies"),
    *("dependentRequired", "items", "patternProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties"),
}
"""The keywords of JSON Schema whose value can be a mapping, without `properties`."""
_DOCUMENT_KEYS = "Use only the keys tools and toolboxes. An OpenAPI document needs the key openapi."
_KEYS = frozenset({"name", "description", "parameters", "run", "effects"})


def read_tools_file(path: str | Path) -> ToolsFile:
    """Return the tools and toolboxes of a `tools.yaml` (YAML 1.2).

    - The parameters of a tool need not have `type` and `required`. If both are missing, the type is object, all
      properties are required, and no other properties are allowed. If the parameters combine schemas, for example with
      `anyOf`, only the type is added.
    - The forms of `client_forms.py` are read, too. Their schemas are not completed.
    - If a `run` contains the path of a file, the path is relative to the folder of `path`.
    - A toolbox can list tools that are not in this file. `ToolboxNames` looks for these tools in the catalog and in
      `--tools`.
    - A tool that is not valid is left out with a note.

    Raises:
        InputError: The file does not contain a valid tool. The error contains the file and the line.
    """
    return _ToolsDocument(Path(path)).tools_file()


@dataclass
class _ToolsDocument(YamlDocument):
    """A `tools.yaml` that is being read."""

    places: dict[tuple[str, ...], str] = field(default_factory=dict)
    good: GoodTools = field(default_factory=GoodTools)

    def tools_file(self) -> ToolsFile:
        """Return the tools and toolboxes of the file.

        Raises:
            InputError: The file does not contain valid tools. The error contains the file and the line.
        """
        document = self.load()
        if isinstance(document, list):
            tools = self._tools(document, ())
            return ToolsFile(tools, {}, self.places, tuple(self.good.notes))
        if not isinstance(document, dict):
            raise self.error((), f"expected a list of tools or a mapping, not {kind_of(document)}")
        found = client_tools(document)
        if found is None and "name" in document:
            found = [document], ()
        if found is not None:
            return ToolsFile(self._tools(*found), {}, self.places, tuple(self.good.notes))
        for key in document:
            if key not in ("tools", "toolboxes"):
                raise self.error((key,), f"unknown key {key!r}", _DOCUMENT_KEYS)
        listed = document.get("tools", [])
        if not isinstance(listed, list):
            raise self.error(("tools",), f"tools must be a list, not {kind_of(listed)}")
        tools = self._tools(listed, ("tools",))
        toolboxes = self._toolboxes(document.get("toolboxes", {}))
        return ToolsFile(tools, toolboxes, self.places, tuple(self.good.notes))

    def _tools(self, listed: list[Any], place: Place) -> tuple[Tool, ...]:
        for index, entry in enumerate(listed):
            here = (*place, index)
            with self.good.one():
                entry, here = client_tool(entry, here) or (entry, here)
                tool = self._tool(entry, here)
                self.good.add(tool, self.at((*here, "name")))
                self.places[tool.name,] = self.at((*here, "name"))
                properties: Any = tool.parameters.get("properties", {})
                for argument in properties:
                    self.places[tool.name, argument] = self.at((*here, "parameters", "properties", argument))
        self.good.check()
        return tuple(self.good.tools.values())

    def _tool(self, entry: Any, here: Place) -> Tool:
        if not isinstance(entry, dict):
            raise self.error(
                here,
                f"a tool must be a mapping, not {kind_of(entry)}",
                "Write a mapping with name, description and parameters.",
            )
        for key in entry:
            if key not in _KEYS:
                raise self.error((*here, key), f"unknown key {key!r}", f"Use only the keys {', '.join(sorted(_KEYS))}.")
        name, description = entry.get("name"), entry.get("description", "")
        if not isinstance(name, str) or not name:
            what = "a tool's name is empty" if name == "" else f"a tool's name must be a string, not {kind_of(name)}"
            raise self.error((*here, "name"), what, "Give the tool a name.")
        if not isinstance(description, str):
            what = f"the description of {name} must be a string, not {kind_of(description)}"
            raise self.error((*here, "description"), what, "Put the description in quotes.")
        effects = entry.get("effects", "write")
        if effects not in get_args(Effects):
            what = f"the effects of {name} are {effects!r:.80}"
            raise self.error((*here, "effects"), what, f"Use one of {', '.join(get_args(Effects))}.")
        return Tool(
            name=name,
            description=description,
            parameters=self._parameters(
                {} if (given := entry.get("parameters")) is None else given, name, (*here, "parameters")
            ),
            run=self._run(entry.get("run"), name, (*here, "run")),
            effects=effects,
        )

    def _run(self, run: Any, name: str, place: Place) -> str | None:
        if run is None or (isinstance(run, str) and is_remote(run)):
            return run
        try:
            source, function = source_and_name(run if isinstance(run, str) and run.isprintable() else "")
        except ValueError:
            fix = "Write module:function or path/to/file.py:function."
            raise self.error(place, f"the implementation of {name} has the wrong form: {run!r:.200}", fix) from None
        return f"{(self.path.parent / source).resolve()}:{function}" if source.endswith(".py") else run

    def _parameters(self, parameters: Any, name: str, place: Place) -> dict[str, Any]:
        if not isinstance(parameters, dict):
            raise self.error(place, f"the parameters of {name} must be a mapping, not {kind_of(parameters)}")
        schema = dict(parameters)
        if "properties" not in schema:
            self._check_keywords(schema, name, place)
        if _COMBINING & schema.keys():
            schema = {"type": "object"} | schema
        elif "type" not in schema and "required" not in schema and "$ref" not in schema:
            properties = schema.get("properties", {})
            if not isinstance(properties, dict):
                raise self.error((*place, "properties"), f"properties must be a mapping, not {kind_of(properties)}")
            schema = {"type": "object", "properties": properties, "required": list(properties)} | schema
            schema.setdefault("additionalProperties", False)
        try:
            for inner, node in subschemas(schema):
                self._check_enum(node, (*place, *inner, "enum"))
            check_schema(schema)
        except SchemaError as error:
            what = f"the parameters of {name} are not a valid JSON Schema: {error}"
            raise self.error((*place, *error.path), what, "Correct the schema.") from None
        if schema.get("type", "object") != "object":
            what = f"the parameters of {name} have the type {schema['type']!r}"
            raise self.error((*place, "type"), what, "Write type: object, because arguments are always an object.")
        return schema

    def _check_keywords(self, schema: dict[str, Any], name: str, place: Place) -> None:
        """Check that arguments are below `properties`. Otherwise, JSON Schema ignores them.

        Raises:
            LocatedError: The schema has a mapping below a key that is no keyword.
        """
        for key, value in schema.items():
            if isinstance(value, dict) and key not in _WITH_MAPPINGS and not key.startswith("x-"):
                what = f"the parameters of {name} have the key {key!r:.80}, which is no keyword of JSON Schema"
                raise self.error((*place, key), what, "Write the arguments below properties.")

    def _check_enum(self, node: Mapping[str, Any], place: Place) -> None:
        """Check that an enum contains no booleans, unless the type is boolean or all values are booleans.

        The usual cause of the error is that `true` has no quotes, so YAML reads a boolean.

        Raises:
            LocatedError: The enum contains a boolean that is not allowed.
        """
        values, declared = node.get("enum"), node.get("type")
        if not isinstance(values, list):
            return
        allowed = declared is None or declared == "boolean" or (isinstance(declared, list) and "boolean" in declared)
        only_booleans = all(isinstance(value, bool) or value is None for value in values)
        for index, value in enumerate(values):
            if isinstance(value, bool) and not (allowed and (only_booleans or declared is not None)):
                text = str(value).lower()
                raise self.error((*place, index), f"the enum value {text} is a boolean", f'Write "{text}" in quotes.')

    def _toolboxes(self, listed: Any) -> dict[str, tuple[str, ...]]:
        if not isinstance(listed, dict):
            raise self.error(("toolboxes",), f"toolboxes must be a mapping of names to lists, not {kind_of(listed)}")
        for name, members in listed.items():
            place = ("toolboxes", name)
            if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
                raise self.error(
                    place, f"the toolbox {name!r} is not a list of tool names", "List only names of tools."
                )
            if len(set(members)) < len(members):
                twice = next(member for member in members if members.count(member) > 1)
                raise self.error(place, f"the toolbox {name!r} lists {twice!r} twice", "Remove one of the two.")
        return {name: tuple(members) for name, members in listed.items()}
