"""Writes options as the arguments of a command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["flags"]


def flags(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield the arguments of a command line that set options. For example, for {"seed": 1}, yield `--seed` and `1`.

    Args:
        options: Values by the name of the option. If a value is None or an empty list, the option is left out.
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
