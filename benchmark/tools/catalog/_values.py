"""Defines argument types and result notes for several modules of the catalog."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field, WithJsonSchema

__all__ = ["FIXTURE", "LocalDateTime", "Number", "NumberOrText", "Scalar", "real_datetime"]

FIXTURE = "fixed sample data, not live"
"""The note in the results of tools that return fixed sample data."""

# For `int | float`, pydantic would write "integer or number" into the schema. So these schemas are written by hand, and
# a model sees only "number".
Number = Annotated[int | float, WithJsonSchema({"type": "number"})]
Scalar = Annotated[str | int | float | bool, WithJsonSchema({"type": ["string", "number", "boolean"]})]
NumberOrText = Annotated[int | float | str, WithJsonSchema({"type": ["number", "string"]})]
LocalDateTime = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$")]


def real_datetime(text: str) -> dt.datetime:
    """Return the date and time that a `LocalDateTime` contains.

    Raises:
        ValueError: The date or time does not exist, for example 2025-02-30T10:00.
    """
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text} is not a real date and time: {error}") from None
