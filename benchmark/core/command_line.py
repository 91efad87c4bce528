"""Options written as the arguments of a command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["flags"]


def flags(options: Mapping[str, Any]) -> Iterator[str]:
    """The command-line arguments that set these options.

    Args:
        options: Values by option name. Options with the value None or an empty list are left out.
    """
    for key, value in options.items():
        flag = f"--{key.replace('_', '-')}"
        if value == {}:
            yield from (flag, "{}")
        elif isinstance(value, Mapping):
            for part, item in value.items():
                yield from (f"{flag}.{part}", str(item))
        elif isinstance(value, bool):
            yield flag if value else f"--no-{key.replace('_', '-')}"
        elif isinstance(value, list):
            for item in value:
                yield from (flag, str(item))
        elif value is not None:
            yield from (flag, str(value))
