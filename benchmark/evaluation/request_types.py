"""Checks the types of the fields of a request. A program that makes a request can give other types."""

from __future__ import annotations

from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.evaluation.request import Request

__all__ = ["check_types"]


@cache
def _fields() -> dict[str, TypeAdapter[Any]]:
    return {name: TypeAdapter(hint) for name, hint in get_type_hints(Request).items()}


def check_types(request: Request) -> None:
    """Check the types of all fields. A list is accepted in place of a tuple.

    Raises:
        InputError: A field has a value of another type.
    """
    for name, field in _fields().items():
        value = getattr(request, name)
        try:
            field.validate_python(tuple(value) if isinstance(value, list) else value, strict=True)
        except ValidationError as error:
            raise InputError(
                f"Request({name}={value!r}) has a value of another type: {error.errors()[0]['msg']}",
                "docs/guide/options.md and docs/guide/python.md show the type of each option.",
            ) from None
