"""Draws realistic values that a schema accepts.

Types, enums, formats, bounds and patterns of the schema decide whether a value is valid. The names and descriptions of
arguments make a value realistic. For example, the value of the argument `city` is a city. If a description contains
examples, the value is often one of the examples. If the examples are in quotes, and the argument is a code or its name
does not show what it is, the value is always one of the examples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolmark.generators.template import values
from toolmark.generators.template.schema.depth import fits, target
from toolmark.generators.template.schema.name_hints import (
    FORMATS,
    StringDrawer,
    any_string,
    day,
    string_drawer_for,
    usual_range,
)
from toolmark.generators.template.schema.pattern_strings import UnsupportedPattern, string_matching

if TYPE_CHECKING:
    from random import Random

__all__ = ["OPTIONAL_SHARE", "CannotSample", "branch", "sample"]

MAX_DEPTH = 6
MAX_ITEMS = 4
SHALLOW = 2
"""From this depth on, the branch of `anyOf` and `oneOf` with the fewest levels is chosen."""
OPTIONAL_SHARE = 0.45
"""An optional argument gets a value in this share of the questions."""

_SCALARS = ("boolean", "integer", "null", "number", "string")

Schema = Mapping[str, Any]


class CannotSample(ValueError):
    """No value can be drawn for a schema. The message says which part of the schema is the reason."""


_QUOTED = re.compile(r"(?<!\w)['\"‘“`]([^'\"‘’“”`]{1,40})['\"’”`](?!\w)")
"""An example in quotes. The apostrophes in "the user's name and the driver's name" are no quotes."""
_EXAMPLES = re.compile(r"(?:e\.g\.|for example|such as|like)[:,]?\s+([^.;()]{1,80})", re.IGNORECASE)


def branch(rng: Random, schema: Any, whole: Schema, depth: int = 0) -> Schema:
    """Return `schema` with resolved references. One branch is chosen from each `anyOf` and `oneOf`.

    A branch is chosen only if it has values that are not nested too deeply. The branch `null` is chosen only if there
    is no other branch, or if the value is already nested deeply.

    Args:
        rng: Source of all random choices.
        schema: The schema.
        whole: The complete schema, to which the references refer.
        depth: Nesting depth of the value, from 0.

    Raises:
        CannotSample: The references form a circle, or the schema allows no value.
    """
    taken: dict[str, Any] = {}
    pending = [schema]
    for _ in range(64):
        if not pending:
            return taken
        node = pending.pop()
        if node is True:
            continue
        if not isinstance(node, Mapping):
            raise CannotSample("a schema allows no value")
        combined = [options for keyword in ("anyOf", "oneOf") if (options := node.get(keyword))]
        pending.extend(rng.choice(_usable(options, whole, depth)) for options in combined)
        pending.extend(node.get("allOf", ()))
        if "$ref" in node:
            if (found := target(node["$ref"], whole)) is None:
                raise CannotSample(f"the reference {node['$ref']} does not exist")
            pending.append(found)
        for key, value in node.items():
            if key in ("anyOf", "oneOf", "allOf", "$ref", "$defs"):
                continue
            if key == "properties":
                taken["properties"] = {**taken.get("properties", {}), **value}
            elif key == "required":
                taken["required"] = [*taken.get("required", ()), *value]
            else:
                taken.setdefault(key, value)
    raise CannotSample("the references of the schema form a circle")


def _usable(options: Sequence[Any], whole: Schema, depth: int) -> Sequence[Any]:
    """Return the branches that can be chosen at this depth."""
    room = MAX_DEPTH - depth
    if depth >= SHALLOW:
        for least in range(room + 1):
            if found := [option for option in options if fits(option, whole, least)]:
                return found
    found = [option for option in options if fits(option, whole, room)]
    return [option for option in found if option != {"type": "null"}] or found or options


def sample(rng: Random, schema: Any, whole: Schema, name: str = "", depth: int = 0) -> Any:
    """Draw a value for `schema`.

    Args:
        rng: Source of all random choices.
        schema: The schema of the value.
        whole: The complete schema, to which the references refer.
        name: The name of the argument in plain words.
        depth: Nesting depth of the value, from 0.

    Raises:
        CannotSample: No value can be drawn.
    """
    if depth > MAX_DEPTH:
        raise CannotSample(f"the values of the schema are nested deeper than {MAX_DEPTH} levels")
    node = branch(rng, schema, whole, depth)
    if "const" in node:
        return node["const"]
    if node.get("enum"):
        choices = [value for value in node["enum"] if value is not None] or node["enum"]
        return rng.choice(choices)
    examples = [value for value in node.get("examples", ()) if isinstance(value, str | int | float)]
    if examples and rng.random() < 0.5:
        return rng.choice(examples)
    if not _other_than_null(node, whole, depth):
        return None
    match _type(rng, node):
        case "string":
            return _string(rng, node, name)
        case "integer":
            return _integer(rng, node, name)
        case "number":
            return _number(rng, node, name)
        case "boolean":
            return rng.random() < 0.5
        case "array":
            return _array(rng, node, whole, name, depth)
        case "object":
            return _object(rng, node, whole, depth)
    return None


def _other_than_null(node: Schema, whole: Schema, depth: int) -> bool:
    """Return whether a value other than null can be drawn. If null is not allowed, return True."""
    kinds = node.get("type")
    if not isinstance(kinds, list) or "null" not in kinds:
        return True
    others = [kind for kind in kinds if kind != "null"]
    least = 0 if depth >= SHALLOW else MAX_DEPTH - depth
    return bool(others) and fits({**node, "type": others}, whole, least)


def _type(rng: Random, node: Schema) -> str:
    given = node.get("type")
    if isinstance(given, list):
        return str(rng.choice([kind for kind in given if kind != "null"] or given))
    if given is not None:
        return str(given)
    for keyword, kind in (("properties", "object"), ("items", "array"), ("minimum", "number"), ("maximum", "number")):
        if keyword in node:
            return kind
    return "string"


def _string(rng: Random, node: Schema, name: str) -> str:
    if isinstance(pattern := node.get("pattern"), str):
        try:
            return string_matching(rng, pattern)
        except UnsupportedPattern as error:
            raise CannotSample(f"the pattern {pattern[:60]!r} cannot be used: {error}") from None
    described = str(node.get("description", ""))
    least, most = int(node.get("minLength", 0)), int(node.get("maxLength", 10_000))
    made = FORMATS.get(str(node.get("format")))
    if made is None:
        made = string_drawer_for(name)
        if made is None and "YYYY-MM-DD" in described:
            made = day
        shown = _described_examples(described)
        # A code is a value of the user's data, so an invented code is wrong.
        only_shown = (made is None or made is values.code) and _QUOTED.search(described) is not None
        if shown and (rng.random() < 0.7 or only_shown):
            return rng.choice(shown)
    draw: StringDrawer = made or any_string
    for _ in range(20):
        text = draw(rng)
        if least <= len(text) <= most:
            return text
    if least > 400:
        raise CannotSample(f"a string must have at least {least} characters")
    if made is None or node.get("format") is None:
        return _fitted(rng, least, most)
    raise CannotSample(f"no string of the format {node['format']} with {least} to {most} characters was found")


def _described_examples(description: str) -> list[str]:
    """Return the examples that a description quotes or lists after words such as "for example"."""
    found = _QUOTED.findall(description)
    if not found and (listed := _EXAMPLES.search(description)):
        found = [part.strip() for part in re.split(r",|\bor\b|\band\b", listed[1])]
    return [
        text for text in found if text and len(text.split()) <= 4 and text.casefold() not in ("true", "false", "none")
    ]


def _fitted(rng: Random, least: int, most: int) -> str:
    text = values.gibberish(rng)
    while len(text) < least:
        text += f" {values.word(rng)}"
    text = text[:most].strip()
    return text + "a" * (least - len(text))


def _bounds(node: Schema, name: str, whole: bool) -> tuple[float, float]:
    """Return the lowest and the highest value that the schema allows.

    If the schema has no bounds, return the usual bounds for the argument's name.
    """
    step = 1 if whole else 0.01
    lows = [node[key] + more for key, more in (("minimum", 0), ("exclusiveMinimum", step)) if node.get(key) is not None]
    highs = [
        node[key] - less for key, less in (("maximum", 0), ("exclusiveMaximum", step)) if node.get(key) is not None
    ]
    low: float | None = max(lows, default=None)
    high: float | None = min(highs, default=None)
    hint = usual_range(name)
    if low is None:
        return hint if high is None else (hint[0] if hint[0] < high else high - 100, high)
    return low, high if high is not None else (hint[1] if hint[1] > low else low + 100)


def _integer(rng: Random, node: Schema, name: str) -> int:
    low, high = _bounds(node, name, whole=True)
    least, most = int(-(-low // 1)), int(high // 1)
    if least > most:
        raise CannotSample(f"there is no whole number from {low} to {high}")
    step = node.get("multipleOf")
    if step:
        first, last = -(-least // step), most // step
        if first > last:
            raise CannotSample(f"there is no multiple of {step} from {low} to {high}")
        return int(rng.randint(int(first), int(min(last, first + 1000))) * step)
    return rng.randint(least, min(most, least + 100_000))


def _number(rng: Random, node: Schema, name: str) -> float | int:
    low, high = _bounds(node, name, whole=False)
    if low > high:
        raise CannotSample(f"there is no number from {low} to {high}")
    if node.get("multipleOf"):
        return _integer(rng, node, name) if float(node["multipleOf"]).is_integer() else node["multipleOf"]
    if rng.random() < 0.4 and (whole := int(rng.uniform(low, high))) >= low:
        return whole
    drawn = round(rng.uniform(low, min(high, low + 100_000)), rng.choice((1, 2, 2)))
    return min(max(drawn, low), high)


def _is_scalar(schema: Any) -> bool:
    return isinstance(schema, Mapping) and (schema.get("type") in _SCALARS or "enum" in schema)


def _array(rng: Random, node: Schema, whole: Schema, name: str, depth: int) -> list[Any]:
    singular = re.sub(r"s$", "", name)
    if prefix := node.get("prefixItems"):
        return [sample(rng, item, whole, singular, depth + 1) for item in prefix]
    least = int(node.get("minItems", 0))
    if least > 50:
        raise CannotSample(f"a list must have at least {least} items")
    items_schema = node.get("items", {})
    if isinstance(items_schema, Mapping) and "description" not in items_schema and "description" in node:
        items_schema = {**items_schema, "description": node["description"]}  # It perhaps quotes examples of items.
    if not least and (
        (depth > SHALLOW and not _is_scalar(items_schema)) or not fits(items_schema, whole, MAX_DEPTH - depth - 1)
    ):
        return []
    count = rng.randint(max(least, 1), max(least, min(int(node.get("maxItems", MAX_ITEMS)), max(least, MAX_ITEMS)), 1))
    items = _different_items(rng, items_schema, whole, singular, depth, count)
    if len(items) < least and isinstance(items_schema, Mapping):
        # The description perhaps has too few examples.
        plain = {key: value for key, value in items_schema.items() if key != "description"}
        items = _different_items(rng, plain, whole, singular, depth, count)
    if len(items) < least:
        raise CannotSample(f"fewer than {least} different items were found")
    return items


def _different_items(rng: Random, schema: Any, whole: Schema, name: str, depth: int, count: int) -> list[Any]:
    """Return up to `count` different items of a list at this depth."""
    items: list[Any] = []
    for _ in range(count * 10):
        item = sample(rng, schema, whole, name, depth + 1)
        if item not in items:
            items.append(item)
        if len(items) == count:
            break
    return items


def _object(rng: Random, node: Schema, whole: Schema, depth: int) -> dict[str, Any]:
    required = set(node.get("required", ()))
    made = {
        name: sample(rng, inner, whole, re.sub(r"[_-]+", " ", name), depth + 1)
        for name, inner in node.get("properties", {}).items()
        if name in required
        or (depth < 3 and rng.random() < OPTIONAL_SHARE and fits(inner, whole, MAX_DEPTH - depth - 1))
    }
    further = node.get("additionalProperties")
    shallow = depth <= SHALLOW or _is_scalar(further)
    if not made and shallow and isinstance(further, Mapping) and fits(further, whole, MAX_DEPTH - depth - 1):
        made = {values.word(rng): sample(rng, further, whole, "", depth + 1) for _ in range(rng.randint(1, 3))}
    return made
