"""Follows references inside a document: JSON Pointers in the fragment of a URI (RFC 6901, section 6)."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

__all__ = ["resolved"]


def resolved(document: Any, reference: str) -> tuple[Any, tuple[str | int, ...]]:
    """Return the value to which a reference points, and the keys and indices that lead to the value.

    Args:
        document: The whole document.
        reference: The reference, for example `#/paths/~1orders/get/parameters/0`.

    Raises:
        LookupError: The value does not exist.
    """
    place: list[str | int] = []
    value = document
    anchor, *parts = reference.removeprefix("#").split("/")
    if anchor:  # The reference names an anchor or another document.
        raise LookupError(reference)
    for part in parts:
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and key.isascii() and key.isdigit():
            step: str | int = int(key)
        elif isinstance(value, dict):
            step = key
        else:
            raise LookupError(reference)
        value = value[step]
        place.append(step)
    return value, tuple(place)
