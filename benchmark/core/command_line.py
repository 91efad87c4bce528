"""Options as the words of a command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["flags"]


def flags(options: Mapping[str, Any]) -> Iterator[str]:
    """Options as the words of the command line that gives them."""
    for key, value in options.items():
        flag = f"--{key.replace('_', '-')}"
        if value == {}:
            yield from (flag, "{}")
        elif isinstance(value, Mapping):
            for part, one in value.items():
                yield from (f"{flag}.{part}", str(one))
        elif isinstance(value, bool):
            yield flag if value else f"--no-{key.replace('_', '-')}"
        elif isinstance(value, list):
            for one in value:
                yield from (flag, str(one))
        elif value is not None:
            yield from (flag, str(value))
