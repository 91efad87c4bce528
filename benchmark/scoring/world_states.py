"""Compares states of a world.

Records that the conversation made can have other ids and another order than in the gold. For example, a model can book
two rooms in either order. So records that were not there at the start are compared without their ids, in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import JsonValue

from toolmark.benchmark.data.state_paths import are_records, without
from toolmark.benchmark.scoring.accepted_values import equal

__all__ = ["Change", "changes", "same_state"]

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two states.

    Attributes:
        path: The path of the value that differs.
        before: The value in the first state. None if there is none.
        after: The value in the second state. None if there is none.
        kind: Whether the value is in both states, only in the second, or only in the first.
    """

    path: str
    before: JsonValue
    after: JsonValue
    kind: Literal["changed", "added", "removed"]


def same_state(start: JsonValue, gold: JsonValue, reached: JsonValue, free: Sequence[str] = ()) -> bool:
    """Return whether a conversation reached the same state as the gold.

    Args:
        start: The state at the start of the conversation.
        gold: The state that the gold reaches.
        reached: The state that the conversation reached.
        free: Paths whose values are not compared.
    """
    return _same(start, without(gold, free), without(reached, free))


def _same(start: Any, left: Any, right: Any) -> bool:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        first = start if isinstance(start, Mapping) else {}
        return left.keys() == right.keys() and all(_same(first.get(key), left[key], right[key]) for key in left)
    if are_records(left) and are_records(right):
        return _same_records(_by_id(start), list(left), list(right))
    return equal(left, right)


def _same_records(start: Mapping[str, Any], left: list[Any], right: list[Any]) -> bool:
    if len(left) != len(right):
        return False
    old, others = _by_id(right), [item for item in right if item["id"] not in start]
    for item in left:
        if item["id"] in start:
            if item["id"] not in old or not _same(start[item["id"]], item, old[item["id"]]):
                return False
        else:
            position = next((index for index, other in enumerate(others) if _same_new(item, other)), None)
            if position is None:
                return False
            del others[position]
    return True


def _same_new(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    return _same(None, {**left, "id": ""}, {**right, "id": ""})


def _by_id(records: Any) -> dict[str, Any]:
    return {item["id"]: item for item in records} if are_records(records) else {}


def changes(before: JsonValue, after: JsonValue, path: str = "") -> Iterator[Change]:
    """Yield the differences between two states, in the order of the first state.

    Args:
        before: The first state.
        after: The second state.
        path: The path of the two values in the whole state.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        pairs: dict[str, tuple[Any, Any]] = {
            key: (before.get(key, _ABSENT), after.get(key, _ABSENT)) for key in {**before, **after}
        }
    elif (are_records(before) or not before) and (are_records(after) or not after) and (before or after):
        old, new = _by_id(before), _by_id(after)
        pairs = {key: (old.get(key, _ABSENT), new.get(key, _ABSENT)) for key in {**old, **new}}
    else:
        if not equal(before, after):
            yield Change(path, before, after, "changed")
        return
    for key, (one, other) in pairs.items():
        place = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        if one is _ABSENT:
            yield Change(place, None, other, "added")
        elif other is _ABSENT:
            yield Change(place, one, None, "removed")
        else:
            yield from changes(one, other, place)
