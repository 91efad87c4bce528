"""Decodes strict JSON and Python literals to values of JSON's types.

Strict decoding refuses:

- `NaN` and infinite numbers
- duplicate keys in an object
- lone surrogates (halves of a UTF-16 pair)
- more than 64 levels of nesting
"""

from __future__ import annotations

import ast
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = [
    "MAX_DEPTH",
    "MAX_LITERAL",
    "STRICT_DECODER",
    "as_json",
    "check_depth",
    "check_json",
    "json_or_literal",
    "plain_reason",
    "python_literal",
    "strict_json",
]

MAX_DEPTH = 64
"""Largest allowed number of levels of nesting in a value."""

MAX_LITERAL = 1 << 20
"""Longest Python literal that is read, in characters."""


def _unique(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} is written twice in one object")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


STRICT_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def check_json(value: Any) -> Any:
    """Check that `value` is valid JSON and that a tokenizer can read all its strings. Return `value` unchanged.

    Raises:
        ValueError: A string contains half of a surrogate pair, a number is infinite, or the value is nested too deeply.
    """
    for item in _leaves(value):
        if isinstance(item, float) and not math.isfinite(item):
            raise ValueError("NaN is not JSON" if math.isnan(item) else "a number is too large for a 64-bit float")
        if isinstance(item, str) and not item.isascii():
            try:
                item.encode()
            except UnicodeEncodeError:
                raise ValueError("a string contains a lone surrogate, which no tokenizer can read") from None
    return value


def check_depth(value: Any, most: int = MAX_DEPTH) -> None:
    """Check that a value has at most `most` levels of nesting.

    Raises:
        ValueError: The value is nested too deeply.
    """
    for _ in _leaves(value, most):
        pass


def _leaves(value: Any, most: int = MAX_DEPTH) -> Iterator[Any]:
    """Yield all keys of a value, and all values inside it that are neither mappings nor lists.

    Raises:
        ValueError: The value is nested too deeply.
    """
    level = [value]
    for _ in range(most):
        below: list[Any] = []
        for item in level:
            if isinstance(item, Mapping):
                below += [*item.keys(), *item.values()]
            elif isinstance(item, list | tuple):
                below += item
            else:
                yield item
        if not below:
            return
        level = below
    raise ValueError(f"nested deeper than {most} levels")


def strict_json(text: str) -> Any:
    """Decode a text that contains exactly one JSON value. White-space around the value is allowed.

    Raises:
        ValueError: The text is not strict JSON. If the position is known, the error is a `json.JSONDecodeError`.
    """
    try:
        return check_json(json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        raise ValueError(plain_reason(error)) from None


def plain_reason(error: Exception) -> str:
    """Return the reason of an error of a decoder.

    For a number with too many digits, Python's own message tells how to change a setting of Python. This does not help
    a user, so another message is returned.
    """
    if "set_int_max_str_digits" in str(error):
        return f"a whole number has more than {sys.get_int_max_str_digits():,} digits"
    return str(error)


def python_literal(text: str) -> Any:
    """Decode a Python literal. Only JSON's types are allowed, and tuples become lists. No code is run.

    Raises:
        ValueError: The text is not a literal of JSON's types, is longer than `MAX_LITERAL`, is nested too deeply, or
            contains a dictionary with a repeated key.
    """
    if len(text) > MAX_LITERAL:
        raise ValueError(f"the literal has {len(text)} characters, but at most {MAX_LITERAL} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                _unique([(key.value, None) for key in node.keys if isinstance(key, ast.Constant)])
        return check_json(as_json(ast.literal_eval(tree)))
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"not a Python literal: {plain_reason(error)}") from None
    except ValueError as error:
        if "malformed node" not in str(error):
            raise
        raise ValueError("not a Python literal: it contains a name, a call or an operation") from None


def as_json(value: Any) -> Any:
    """Convert a Python value to JSON's types. Tuples become lists.

    Raises:
        ValueError: The value contains a type that JSON does not have, or a key that is not a string.
    """
    match value:
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise ValueError("a key is not a string")
            return {key: as_json(inner) for key, inner in value.items()}
        case list() | tuple():
            return [as_json(inner) for inner in value]
        case None | bool() | int() | float() | str():
            return value
    raise ValueError(f"{type(value).__name__} is not a JSON type")


def json_or_literal(text: str) -> Any:
    """Decode JSON or a Python literal, because some files contain Python literals instead of JSON.

    Raises:
        ValueError: The text is neither strict JSON nor a literal of JSON's types. JSON that is only not strict, for
            example with a repeated key, is not read as a literal.
    """
    try:
        return strict_json(text)
    except json.JSONDecodeError as error:
        try:
            return python_literal(text)
        except ValueError as other:
            raise ValueError(f"{error}; {other}") from None
