"""Reads tools from an OpenAPI 3 file (JSON or YAML). Every operation with JSON arguments becomes a tool.

| part of the tool | source |
|---|---|
| name | the `operationId`; if missing, the method and the path |
| arguments | the parameters of the operation, and the properties of the JSON body |
| argument `body` | a JSON body that is not an object |
| effects | `x-toolmark-effects`; if missing, `read` for `GET` and `HEAD`, and `write` for other methods |

Nothing is downloaded, so all references must be local. Referenced schemas are copied to `$defs`. When a tool is run,
`remote/openapi.py` calls the server.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.data.cases import Effects, Tool
from toolmark.benchmark.tools.json_pointer import resolved
from toolmark.benchmark.tools.schemas import SchemaError, check_schema, subschemas
from toolmark.benchmark.tools.sources import GoodTools, LocatedError, SourceNote, ToolsFile
from toolmark.benchmark.tools.sources.media_types import json_media_type
from toolmark.benchmark.tools.sources.server_address import server_address
from toolmark.benchmark.tools.sources.yaml_document import Place, YamlDocument, kind_of

__all__ = ["Operation", "read_openapi", "read_operations"]

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_HEADERS_OF_HTTP = frozenset({"accept", "content-type", "authorization"})
"""By the OpenAPI specification, header parameters with these names are ignored."""
_ONLY_IN_DOCUMENTS = ("xml", "externalDocs", "example", "discriminator", "nullable")
_MAX_HOPS = 16
_MAX_SCHEMAS = 1_000_000
"""Largest number of schemas in all tools of a file. Each tool has a copy of the schemas that it refers to."""
_MAX_NAME = 64

Where = Literal["path", "query", "header", "body", "whole_body"]


@dataclass(frozen=True, slots=True)
class Operation:
    """The HTTP request that calls a tool.

    Attributes:
        method: The HTTP method, in capitals.
        url: The address, with `{name}` for each path argument. It is None if the file contains no server address.
        places: For each argument, the part of the request that contains it. The key is the name of the argument.
        security: Where the API key is sent. The name of a header, or `?name` for the query parameter `name`. It is None
            if no key is needed.
    """

    method: str
    url: str | None
    places: Mapping[str, Where]
    security: str | None = None


def read_openapi(path: str | Path) -> ToolsFile:
    """Return the operations of an OpenAPI 3.0 or 3.1 file as tools. An operation that is not valid is left out.

    Raises:
        InputError: The file does not contain a valid operation. The error contains the file and the line.
    """
    document = _OpenApi(Path(path), lenient=True)
    document.read()
    good = document.good
    if not good.tools:
        good.check()
        fix = "Describe at least one operation under paths."
        raise document.error(("paths",), "the file has no operation that can be a tool", fix)
    return ToolsFile(tuple(good.tools.values()), {}, document.places, tuple(good.notes))


def read_operations(path: str | Path) -> dict[str, Operation]:
    """Return the operation of each tool in the file. The key is the name of the tool.

    Raises:
        InputError: The file is not an OpenAPI file. The error contains the file and the line.
    """
    document = _OpenApi(Path(path), lenient=True)
    document.read()
    return document.operations


@dataclass
class _OpenApi(YamlDocument):
    """An OpenAPI file that is being read."""

    places: dict[tuple[str, ...], str] = field(default_factory=dict)
    good: GoodTools = field(default_factory=GoodTools)
    operations: dict[str, Operation] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)
    schemas: int = 0

    def read(self) -> None:
        """Read all operations, in the order of the file.

        Raises:
            InputError: The file is not an OpenAPI file. The error contains the file and the line.
        """
        self.content = self.load()
        version = self.content.get("openapi") if isinstance(self.content, dict) else None
        if not str(version).startswith("3."):
            what = f"openapi is {version!r:.80}" if version is not None else "the file is not an OpenAPI 3 document"
            fix = "Give the path of an OpenAPI 3.0 or 3.1 file."
            if isinstance(self.content, dict) and "swagger" in self.content:
                fix = f"Convert the file: npx swagger2openapi {shlex.quote(str(self.path))} --outfile openapi.yaml"
            raise self.error(("openapi",), what, fix)
        for path, listed in self._mapping(("paths",), self.content.get("paths", {})).items():
            if path.startswith("x-"):
                continue  # An extension of the specification.
            with self.good.one():
                shared, place = self._resolved(listed, ("paths", path))
                item = shared | listed
                for method, operation in item.items():
                    if method in _METHODS:
                        with self.good.one():
                            here = ("paths", path) if method in listed else place
                            self._operation(path, method, operation, item, (*here, method))

    def _mapping(self, place: Place, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.error(place, f"{place[-1]} must be a mapping, not {kind_of(value)}")
        return value

    def _list(self, place: Place, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.error(place, f"{place[-1]} must be a list, not {kind_of(value)}")
        return value

    def _resolved(self, value: Any, place: Place) -> tuple[dict[str, Any], Place]:
        """Return `value` and `place`. If the value is a local reference, return the referenced value and its place."""
        for _ in range(_MAX_HOPS):
            reference = self._mapping(place, value).get("$ref")
            if reference is None:
                return self._mapping(place, value), place
            value, place = self._target(reference, place)
        raise self.error(place, "references form a circle", "Remove one of the references.")

    def _target(self, reference: Any, place: Place) -> tuple[Any, Place]:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            fix = "Copy the referenced parts into the file, so that all references begin with #/."
            raise self.error((*place, "$ref"), f"$ref {reference!r} leads out of the file", fix)
        try:
            return resolved(self.content, reference)
        except LookupError:
            raise self.error((*place, "$ref"), f"$ref {reference!r} does not exist", "Correct the reference.") from None

    def _operation(self, path: str, method: str, operation: Any, item: dict[str, Any], place: Place) -> None:
        """Add the tool of an operation to the tools of the file.

        Raises:
            LocatedError: The operation cannot be a tool.
        """
        operation = self._mapping(place, operation)
        name = self._name(path, method, operation, place)
        self.places[name,] = self.at((*place, "operationId") if "operationId" in operation else place)
        properties: dict[str, Any] = {}
        required: list[str] = []
        where: dict[str, Where] = {}
        for parameter, at in self._parameters(operation, item, place):
            if parameter["in"] == "cookie":
                continue
            if parameter["in"] == "header" and parameter["name"].casefold() in _HEADERS_OF_HTTP:
                continue
            self._add(properties, where, parameter["name"], self._schema_of(parameter, at), parameter["in"], at, name)
            if parameter.get("required") is True or parameter["in"] == "path":
                required.append(parameter["name"])
        if "requestBody" in operation:
            self._body(operation, place, name, (properties, required, where))
        url = server_address(operation, item, self.content)
        effects = operation.get("x-toolmark-effects", "read" if method in ("get", "head") else "write")
        if effects not in get_args(Effects):
            what = f"the effects of {name} are {effects!r:.80}"
            raise self.error((*place, "x-toolmark-effects"), what, f"Use one of {', '.join(get_args(Effects))}.")
        texts = [operation[key] for key in ("summary", "description") if isinstance(operation.get(key), str)]
        tool = Tool(
            name=name,
            description=" ".join(filter(None, (" ".join(text.split()) for text in dict.fromkeys(texts)))),
            parameters=self._schema(properties, required, place, name),
            run=None if url is None else f"openapi:{self.path.resolve()}:{name}",
            effects=effects,
        )
        security = self._security(operation, place)
        self.good.add(tool, self.places[name,])
        self.operations[name] = Operation(method.upper(), None if url is None else url + path, where, security)

    def _name(self, path: str, method: str, operation: Mapping[str, Any], place: Place) -> str:
        """Return the name of an operation's tool. If the name is too long, shorten it and add a note for the user."""
        given = operation.get("operationId") or f"{method}{path}"
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", str(given)).strip("_") or f"{method}_{digest(path)[:8]}"
        if len(name) <= _MAX_NAME:
            return name
        short = f"{name[: _MAX_NAME - 9].rstrip('_')}_{digest(name)[:8]}"
        what = f"the name of {method.upper()} {path:.200} has {len(name)} characters, more than {_MAX_NAME}"
        at = self.at((*place, "operationId") if "operationId" in operation else place)
        self.good.notes.append(SourceNote(at, what, f"The tool is called {short}."))
        return short

    def _add(
        self,
        properties: dict[str, Any],
        where: dict[str, Where],
        argument: str,
        schema: Any,
        kind: Where,
        place: Place,
        name: str,
    ) -> None:
        if argument in properties:
            what = f"{name} has two arguments called {argument!r}, in {where[argument]} and in {kind}"
            raise self.error(place, what, "Rename one of the two arguments.")
        properties[argument], where[argument] = schema, kind
        self.places[name, argument] = self.at(place)

    def _parameters(
        self, operation: dict[str, Any], item: dict[str, Any], place: Place
    ) -> Iterator[tuple[dict[str, Any], Place]]:
        """Yield the parameters of the path and of the operation, each with its place in the file.

        If the path and the operation have a parameter with the same name, the parameter of the operation is used.
        """
        parameters: dict[tuple[str, str], tuple[dict[str, Any], Place]] = {}
        for listed, at in ((item.get("parameters"), place[:-1]), (operation.get("parameters"), place)):
            at = (*at, "parameters")
            for index, entry in enumerate(self._list(at, listed or [])):
                parameter, here = self._resolved(entry, (*at, index))
                if not isinstance(parameter.get("name"), str) or parameter.get("in") not in (
                    *("path", "query", "header", "cookie"),
                ):
                    what = "a parameter must have a name, and in must be path, query, header or cookie"
                    raise self.error(here, what, "Correct the parameter.")
                parameters[parameter["name"], parameter["in"]] = (parameter, here)
        yield from parameters.values()

    def _schema_of(self, parameter: dict[str, Any], place: Place) -> dict[str, Any]:
        schema = parameter.get("schema")
        if schema is None:
            media = self._mapping((*place, "content"), parameter.get("content", {}))
            schema = next((entry.get("schema") for entry in media.values() if isinstance(entry, dict)), None)
        schema = dict(self._mapping((*place, "schema"), schema if schema is not None else {}))
        if isinstance(text := parameter.get("description"), str) and text.strip():
            schema.setdefault("description", " ".join(text.split()))
        return schema

    def _body(
        self,
        operation: dict[str, Any],
        place: Place,
        name: str,
        into: tuple[dict[str, Any], list[str], dict[str, Where]],
    ) -> None:
        """Add the arguments of a JSON body to `into`, which contains the properties, the required names and the places.

        Raises:
            LocatedError: The operation requires a body that is not JSON, or the body is not valid.
        """
        properties, required, where = into
        at = (*place, "requestBody")
        body, at = self._resolved(operation["requestBody"], at)
        kinds = self._mapping((*at, "content"), body.get("content", {}))
        kind = json_media_type(kinds)
        if kind is None:
            what = f"the body of {name} is not JSON, but {', '.join(kinds) or 'of no type':.200}"
            if body.get("required") is True:
                raise self.error(at, what, "Tools can only send JSON.")
            self.good.notes.append(SourceNote(self.at(at), what, "The tool has no arguments for the body."))
            return
        at = (*at, "content", kind, "schema")
        given = self._mapping(at[:-1], kinds[kind]).get("schema", {})
        schema, at = self._resolved(given, at)
        fields = schema.get("properties")
        if not isinstance(fields, dict) or not fields or {"allOf", "oneOf", "anyOf"} & set(schema):
            self._add(properties, where, "body", given, "whole_body", at, name)
            if body.get("required") is True:
                required.append("body")
            return
        for argument, inner in fields.items():
            here = (*at, "properties", argument)
            if self._resolved(inner, here)[0].get("readOnly") is not True:
                self._add(properties, where, argument, inner, "body", here, name)
        listed = self._list((*at, "required"), schema.get("required", []))
        named = [argument for argument in listed if isinstance(argument, str) and argument in fields]
        required += [argument for argument in named if where.get(argument) == "body"]

    def _schema(self, properties: dict[str, Any], required: list[str], place: Place, name: str) -> dict[str, Any]:
        """Return the schema of all arguments. Referenced schemas are copied to `$defs`."""
        schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
        if required:
            schema["required"] = list(dict.fromkeys(required))
        definitions: dict[str, Any] = {}
        names: dict[str, str] = {}
        copied: dict[str, Any] = _copied(schema)
        try:
            pending = [copied]
            while pending:
                for _, node in list(subschemas(pending.pop())):
                    self.schemas += 1
                    if self.schemas > _MAX_SCHEMAS:
                        what = f"with the arguments of {name}, the tools have more than {_MAX_SCHEMAS:,} schemas"
                        raise self.error(place, what, "Give a file with fewer operations.")
                    _as_json_schema(node)
                    reference = node.get("$ref")
                    if reference is None:
                        continue
                    if not isinstance(reference, str):
                        raise self.error(place, f"$ref is {kind_of(reference)}, not a string", "Correct the reference.")
                    if reference not in names:
                        target = self._mapping(place, self._target(reference, place)[0])
                        short = re.sub(r"[^A-Za-z0-9_.-]+", "_", str(reference).rpartition("/")[2])
                        names[reference] = short if short not in definitions else f"{short}_{len(definitions)}"
                        definitions[names[reference]] = _copied(target)
                        pending.append(definitions[names[reference]])
                    node["$ref"] = f"#/$defs/{names[reference]}"
            if definitions:
                copied["$defs"] = definitions
            check_schema(copied)
        except SchemaError as error:
            what = f"the arguments of {name} are not a valid JSON Schema: {error}"
            argument = error.path[1] if len(error.path) > 1 and error.path[0] == "properties" else None
            where = self.places.get((name, str(argument)), self.at(place))
            raise LocatedError(where, what, "Correct the schema.") from None
        return copied

    def _security(self, operation: dict[str, Any], place: Place) -> str | None:
        """Return where the API key of the first security scheme is sent. See `Operation.security`.

        Raises:
            LocatedError: The security scheme is not valid.
        """
        needed = self._list((*place, "security"), operation.get("security", self.content.get("security")) or [])
        names = needed[0] if needed and isinstance(needed[0], dict) else {}
        for name in names:
            components = self._mapping(("components",), self.content.get("components", {}))
            at: Place = ("components", "securitySchemes")
            schemes = self._mapping(at, components.get("securitySchemes", {}))
            scheme, _ = self._resolved(schemes.get(name, {}), (*at, name))
            if scheme.get("type") == "apiKey":
                return str(scheme.get("name")) if scheme.get("in") == "header" else f"?{scheme.get('name')}"
            return "Authorization"
        return None


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _as_json_schema(node: dict[str, Any]) -> None:
    """Replace or remove the keywords in `node` that only OpenAPI 3.0 has, so that it is valid JSON Schema."""
    if node.get("nullable") is True:
        if isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
        if isinstance(node.get("enum"), list) and None not in node["enum"]:
            node["enum"] = [*node["enum"], None]
    for bound, strict in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(node.get(strict), bool) and node.pop(strict) and bound in node:
            node[strict] = node.pop(bound)
    for key in _ONLY_IN_DOCUMENTS:
        node.pop(key, None)
