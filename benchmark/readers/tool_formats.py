"""Reads tool definitions in the forms of other formats.

These forms are read: OpenAI's form, plain objects, schemas with Python's names of types, and flat arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from toolmark.benchmark.core.strict_json import MAX_DEPTH, json_or_literal
from toolmark.benchmark.data.cases import Tool, Toolbox
from toolmark.benchmark.readers.row_conversion import decoded
from toolmark.benchmark.tools.schemas import SchemaError, check_schema

__all__ = ["flat_schema", "json_schema", "required_names", "tool_of", "toolbox_of", "type_schema"]

_NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}
_TYPES: Mapping[str, str | None] = {
    "any": None,
    "array": "array",
    "bool": "boolean",
    "boolean": "boolean",
    "dict": "object",
    "double": "number",
    "float": "number",
    "hashmap": "object",
    "int": "integer",
    "integer": "integer",
    "list": "array",
    "long": "integer",
    "none": None,
    "null": "null",
    "number": "number",
    "object": "object",
    "set": "array",
    "str": "string",
    "string": "string",
    "tuple": "array",
}
"""A mapping from the name of a type in Python or in BFCL to its name in JSON Schema. None means that every value is
allowed.
"""
_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}
"""The Python types of the values of each type of JSON Schema."""
_MAPS_OF_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_SCHEMAS = frozenset(
    {
        *("additionalProperties", "allOf", "anyOf", "contains", "else", "if", "items", "not", "oneOf", "prefixItems"),
        *("propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
"""The keys whose value is a schema or a list of schemas."""
_KEPT_OF_FLAT = (
    *("description", "enum", "items", "properties", "required"),
    *("additionalProperties", "allOf", "anyOf", "oneOf"),
)
"""The keys of a flat argument that have the same meaning in JSON Schema."""
_WORD = re.compile(r"[a-z]+")
_OR = re.compile(r"\bor\b|[,/]")
_OPTIONAL_TYPE = re.compile(r"optional|\bnone\b|\bnull\b")
_OPTIONAL_TEXT = re.compile(r"\W*optional\b", re.IGNORECASE)
_SPLIT_ARGUMENTS: Mapping[str, bool] = {"required_parameters": True, "optional_parameters": False}
"""The keys of the lists of arguments in ToolBench, and whether their arguments are required."""
_REQUIRED_MARKS = ("required", "is_required", "isRequired")
_OPTIONAL_MARKS = ("optional", "is_optional")


def json_schema(node: Any, depth: int = 0) -> Any:
    """Return `node` with JSON Schema's names of types. The type `any` becomes a schema that allows every value.

    Args:
        node: A schema, or a part of a schema.
        depth: Number of levels above `node` in the whole schema.

    Raises:
        ValueError: A type is not known, or the schema is nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if not isinstance(node, Mapping):
        return node
    schema: dict[str, Any] = {}
    properties = node.get("properties")
    marks = _marks(properties) if isinstance(properties, Mapping) else {}
    if marked := [name for name, needed in marks.items() if needed]:
        listed = node.get("required")
        node = {**node, "required": list(dict.fromkeys([*(listed if isinstance(listed, list) else ()), *marked]))}
    for key, value in node.items():
        if key in ("required", "optional") and _truth(value) is not None:
            continue  # The marks are already in the list `required` of the object.
        if value is None and key not in ("default", "const"):
            continue  # In a table, every row has all keys. The value is null if the row does not have the key.
        if key == "type" and isinstance(value, str):
            schema |= _named_type(value)
        elif key == "type" and isinstance(value, list):
            schema |= _union(value)
        elif key in _MAPS_OF_SCHEMAS and isinstance(value, Mapping):
            schema[key] = {name: json_schema(inner, depth + 1) for name, inner in value.items() if inner is not None}
        elif key in _SCHEMAS and isinstance(value, list):
            schema[key] = [json_schema(inner, depth + 1) for inner in value]
        elif key in _SCHEMAS:
            schema[key] = json_schema(value, depth + 1)
        else:
            schema[key] = value
    return _with_null(schema) if _truth(node.get("nullable")) else schema


def _named_type(written: str) -> dict[str, Any]:
    name = written.strip().lower()
    if name in _TYPES:
        return {"type": _TYPES[name]} if _TYPES[name] is not None else {}
    if any(mark in name for mark in "[,|"):
        return type_schema(written)[0]
    raise ValueError(f"the type {written!r:.80} is not known")


def _union(written: list[Any]) -> dict[str, Any]:
    """Return the schema of a list of types. If one of them is `any`, the schema allows every value."""
    names = ["null" if str(one).strip().lower() == "none" else one for one in written]
    types = [_named_type(one) if isinstance(one, str) else {"type": one} for one in names]
    return {"type": [one["type"] for one in types]} if all(types) else {}


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that also allows null: `nullable` of OpenAPI and Gemini, which JSON Schema does not have."""
    if "type" not in schema:
        return schema
    del schema["nullable"]
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    schema["type"] = types if "null" in types else [*types, "null"]
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    return schema


def type_schema(written: str) -> tuple[dict[str, Any], bool]:
    """Return the schema of a type in Python's notation, for example `List[int]`.

    Returns:
        A pair: the schema, and whether the notation contains the word `optional` or the type `None`. The schema of a
        union or of an unknown type allows every value.
    """
    text = written.strip().lower()
    optional = _OPTIONAL_TYPE.search(text) is not None
    text = re.sub(r",?\s*optional\s*$", "", text)
    if text.startswith("optional[") and text.endswith("]"):
        text = text[len("optional[") : -1]
    words = _WORD.findall(text)
    name = _TYPES.get(words[0]) if words and not text.startswith(("union", "any")) and "|" not in text else None
    if name is None or len(_alternatives(text)) > 1:
        return {}, optional
    schema: dict[str, Any] = {"type": name}
    if name == "array" and len(words) == 2 and (inner := _TYPES.get(words[1])) is not None:
        schema["items"] = {"type": inner}
    return schema, optional


def _alternatives(text: str) -> set[str]:
    """Return the types of a text like `int or str`. Types in brackets belong to the type before the brackets."""
    depth = 0
    outer = ""
    for character in text:
        depth += {"[": 1, "]": -1}.get(character, 0)
        outer += character if depth == 0 else ""
    first_words = (_WORD.search(part) for part in _OR.split(outer))
    return {name for word in first_words if word is not None and (name := _TYPES.get(word[0])) not in (None, "null")}


def flat_schema(arguments: Mapping[str, Any], required: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the schema of flat arguments.

    Flat arguments are `{argument: {"type": "str, optional", "description": …, "default": …}}`, or
    `{argument: "type - description"}`.

    Args:
        arguments: The description of each argument, by the name of the argument.
        required: Names of the required arguments. If None, the first of these rules that applies decides:

            1. If an argument has the mark `"required": true`, exactly the arguments with this mark are required.
            2. An argument is optional if it has a default. An argument is also optional if a mark, its type or the
               first word of its description says that it is optional. All other arguments are required.

    Raises:
        ValueError: The description of an argument has another form.
    """
    properties: dict[str, Any] = {}
    needed: list[str] = []
    marks = _marks(arguments)
    for name, described in arguments.items():
        if isinstance(described, str):
            kind, _, description = described.partition(" - ")
            described = {"type": kind, "description": description}
        if not isinstance(described, Mapping):
            raise ValueError(
                f"the description of the argument {name} must be a string or an object, not {described!r:.80}"
            )
        written = described.get("type", "any")
        schema, optional = type_schema(written) if isinstance(written, str) else ({}, False)
        optional = optional or _OPTIONAL_TEXT.match(str(described.get("description"))) is not None
        if isinstance(written, list):
            schema = json_schema({"type": written})
        schema |= json_schema({key: described[key] for key in _KEPT_OF_FLAT if key in described}, 1)
        if (default := _default(described.get("default"), schema)) is not None:
            schema["default"] = default
        properties[name] = schema
        unmarked = not optional and "default" not in described and True not in marks.values()
        if marks.get(name, unmarked):
            needed.append(name)
    schema = {"type": "object", "properties": properties}
    if listed := [name for name in (needed if required is None else required) if name in properties]:
        schema["required"] = listed
    return schema


def _default(written: Any, schema: Mapping[str, Any]) -> Any:
    """Return the default of a flat argument. None if it has no default.

    Some collections write every default as text: "0" for a number, and "" if there is none. If strings do not fit the
    schema, such a text is decoded. A text that does not fit the schema then is no default.
    """
    types = _PYTHON_TYPES.get(str(schema.get("type")))
    if not isinstance(written, str) or types is None or str in types:
        return written
    try:
        value = json_or_literal(written)
    except ValueError:
        return None
    if isinstance(value, float) and value.is_integer() and types == (int,):
        value = int(value)
    return value if type(value) in types else None


def _marks(arguments: Mapping[str, Any]) -> dict[str, bool]:
    """Return a mapping from the name of an argument to whether it is required.

    Only arguments with a mark are keys: `"required": true` or `"optional": true`, for example.
    """
    marks: dict[str, bool] = {}
    for name, described in arguments.items():
        if isinstance(described, Mapping):
            needed = [_truth(described.get(key)) for key in _REQUIRED_MARKS]
            optional = [None if (mark := _truth(described.get(key))) is None else not mark for key in _OPTIONAL_MARKS]
            # An argument that cannot be null can still be optional, so `"nullable": false` is no mark.
            optional.append(False if _truth(described.get("nullable")) else None)
            mark = next((mark for mark in (*needed, *optional) if mark is not None), None)
            if mark is not None:
                marks[name] = mark
    return marks


def _truth(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "yes": True, "false": False, "no": False}.get(value.strip().lower())
    return bool(value) if value in (0, 1) else None


def tool_of(value: Any) -> Tool:
    """Return the tool that `value` defines.

    These forms are read:

    - **definition**: an object in OpenAI's form (`{"type": "function", "function": …}`), a plain object, or the JSON
      text of an object
    - **parameters**: a JSON Schema or flat arguments. Types can have their names in Python
    - **flat arguments**: an object, a list of objects with the key `name`, or two such lists (`required_parameters` and
      `optional_parameters`)

    Raises:
        ValueError: The value has another form.
    """
    value = decoded(value, "a tool")
    if isinstance(value, Mapping) and isinstance(value.get("function"), Mapping):
        value = value["function"]
    if not isinstance(value, Mapping):
        raise ValueError(f"a tool must be an object, not {value!r:.80}")
    names = ("name", "tool_name", "api_name", "apiCode")
    name = next((value[key] for key in names if isinstance(value.get(key), str)), None)
    if not name:
        raise ValueError(f"a tool must have a name: {value!r:.80}")
    description = value.get("description") or value.get("api_description") or ""
    keys = ("parameters", "input_schema", "inputSchema", "arguments", "input_args", "input_parameters")
    parameters: Any = next((value[key] for key in keys if value.get(key)), None)
    if parameters is None and any(value.get(key) for key in _SPLIT_ARGUMENTS):
        parameters = [
            {**_object(described), "required": needed}
            for key, needed in _SPLIT_ARGUMENTS.items()
            for described in value.get(key) or ()
        ]
    parameters = decoded(parameters, f"the text of the parameters of {name}")
    if isinstance(parameters, list):
        parameters = {_name(described): _object(described) for described in parameters}
    if not parameters:
        schema = dict(_NO_ARGUMENTS)
    elif not isinstance(parameters, Mapping):
        raise ValueError(f"the parameters of {name} must be an object or a list, not {parameters!r:.80}")
    elif _is_schema(parameters):
        schema = {"type": "object", **json_schema(parameters)}
        if isinstance(value.get("required"), list):  # Some files have `required` outside of the schema.
            schema.setdefault("required", value["required"])
    else:
        required = value.get("required")
        schema = flat_schema(parameters, required if isinstance(required, list) else None)
    return Tool(name=name, description=str(description), parameters=schema)


def _object(described: Any) -> Mapping[str, Any]:
    if not isinstance(described, Mapping):
        raise ValueError(f"the description of an argument must be an object, not {described!r:.80}")
    return described


def _name(described: Any) -> str:
    name = _object(described).get("name")
    if not isinstance(name, str) or not name:
        raise ValueError(f"an argument must have a name: {described!r:.80}")
    return name


def _is_schema(parameters: Mapping[str, Any]) -> bool:
    """Return whether `parameters` is the JSON Schema of an object, and not flat arguments.

    Flat arguments can contain an argument with the name `type`, so this key alone does not show a schema.
    """
    if isinstance(parameters.get("properties"), Mapping) or any(key.startswith("$") for key in parameters):
        return True
    if any(isinstance(parameters.get(key), list) for key in ("allOf", "anyOf", "oneOf")):
        return True
    return isinstance(parameters.get("type"), str) and parameters["type"].strip().lower() in ("object", "dict")


def toolbox_of(tools: Iterable[Tool], name: str = "") -> Toolbox:
    """Return a toolbox with these tools.

    Raises:
        ValueError: A schema cannot be used, or two tools have the same name.
    """
    offered = tuple(tools)
    names: set[str] = set()
    for tool in offered:
        if tool.name in names:
            raise ValueError(f"two tools of the toolbox have the name {tool.name}")
        names.add(tool.name)
        try:
            check_schema(tool.parameters)
        except SchemaError as error:
            raise ValueError(f"the parameters of {tool.name} are not a valid JSON Schema: {error}") from None
    return Toolbox(name=name, tools=offered)


def required_names(tool: Tool) -> frozenset[str]:
    """Return the names of the arguments that a call of `tool` must have."""
    listed = tool.parameters.get("required")
    return frozenset(name for name in listed if isinstance(name, str)) if isinstance(listed, list) else frozenset()
