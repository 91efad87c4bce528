"""Writes the result of a tool as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

__all__ = ["json_text"]


def json_text(value: object) -> str:
    """Return the result of a tool as JSON.

    Pydantic models and dataclasses become objects. Dates, Decimals, UUIDs, paths and members of an enum become what
    pydantic writes for them. For example, a date becomes the text `2026-01-31`, and a Decimal becomes the text `1.19`.

    Raises:
        ValueError: The result contains a set, bytes, an infinite number, or an object of an unknown type.
        TypeError: The key of a dictionary is no string and no number.
    """
    try:
        return json.dumps(value, allow_nan=False, default=_plain)
    except ValueError as error:
        if "float values" in str(error):
            raise ValueError("the result contains NaN or an infinite number, which JSON cannot express") from None
        raise


def _plain(value: object) -> Any:
    """Return the JSON value for an object that the module `json` does not know.

    The parts of the returned value can again be such objects. `json` then asks for each of them.
    """
    if isinstance(value, set | frozenset):
        # Each process can list the strings of a set in another order. So the result of a call would not be repeatable.
        raise ValueError("the result contains a set, which has no order. Return a list, for example sorted(...).")
    if isinstance(value, bytes | bytearray | memoryview):
        raise ValueError("the result contains bytes. Return a text.")
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    try:
        return to_jsonable_python(value)
    except ValueError:
        kind = type(value).__name__
        raise ValueError(
            f"the result contains an object of the type {kind}, which cannot be written as JSON. "
            "Return text, numbers, lists, dictionaries, dates, dataclasses or pydantic models."
        ) from None
