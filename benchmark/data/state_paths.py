"""Paths into the state of a world. A path is a JSON Pointer (RFC 6901) with two additions.

- A step can be the `id` of a record, if the list holds records. A record is an object with an `id`.
- The step `*` stands for every key of an object, or every element of a list.

For example, `/orders/o3/status` is the status of the order o3, and `/orders/*/status` is the status of each order. The
empty path is the whole state. In a step, `~1` stands for `/`, and `~0` stands for `~`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

__all__ = ["are_records", "check_path", "has_any_step", "leading_paths", "values_at", "without"]

_EVERY = "*"


def check_path(path: str) -> str:
    """Return `path` unchanged.

    Raises:
        ValueError: `path` is not empty and does not begin with a slash.
    """
    if path and not path.startswith("/"):
        raise ValueError(f"the path {path!r} does not begin with /. Write, for example, /orders/o3/status")
    return path


def are_records(value: object) -> bool:
    """Return whether `value` is a list of records. For an empty list, return False."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(item, Mapping) and isinstance(item.get("id"), str) for item in value)
    )


def has_any_step(path: str) -> bool:
    """Return whether a path has the step `*`, so that it can lead to several values."""
    return _EVERY in _steps(path)


def leading_paths(path: str) -> list[str]:
    """Return the beginnings of a path, from the shortest to the path itself. The empty path is not among them."""
    steps = path.split("/")
    return ["/".join(steps[:end]) for end in range(2, len(steps) + 1)]


def values_at(state: JsonValue, path: str) -> list[JsonValue]:
    """Return the values to which `path` leads. Without `*`, there is at most one."""
    return list(_walk(state, _steps(path)))


def without(state: JsonValue, paths: Sequence[str]) -> JsonValue:
    """Return a copy of `state` without the values to which the paths lead. Without the whole state, return None."""
    if "" in paths:
        return None
    copied = _copied(state)
    for path in paths:
        *before, last = _steps(path)
        for parent in _walk(copied, tuple(before)):
            _remove(parent, last)
    return copied


def _steps(path: str) -> tuple[str, ...]:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:])


def _walk(value: Any, steps: Sequence[str]) -> Iterator[JsonValue]:
    if not steps:
        yield value
        return
    for key in _keys(value, steps[0]):
        yield from _walk(value[key], steps[1:])


def _keys(value: Any, step: str) -> list[Any]:
    """Return the keys or indices of `value` that a step stands for."""
    if isinstance(value, Mapping):
        return list(value) if step == _EVERY else [step] * (step in value)
    if not isinstance(value, list):
        return []
    if step == _EVERY:
        return list(range(len(value)))
    if are_records(value):
        return [index for index, item in enumerate(value) if item["id"] == step]
    return [index for index in range(len(value)) if str(index) == step]


def _remove(parent: Any, step: str) -> None:
    for key in sorted(_keys(parent, step), reverse=True):
        del parent[key]


def _copied(value: JsonValue) -> JsonValue:
    if isinstance(value, Mapping):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value
