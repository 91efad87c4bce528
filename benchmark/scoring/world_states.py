"""Compares states of a world.

Strings must be exactly equal, except for the form of line ends and for white space at both ends of a string. For
example, a file can end with a line end or without one, but its lines must not be joined.

Records that the conversation made can have other ids and another order than in the gold. For example, a model can book
two rooms in either order. So only records that the gold keeps from the start to the end are compared by their ids, and
in their order. All other records are compared without their ids, in any order. A world can give the id of a removed
record to a new one, so a record with a known id can be new, too.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import JsonValue

from toolmark.benchmark.data.state_paths import are_records, without
from toolmark.benchmark.scoring.accepted_values import equal

__all__ = ["Change", "changes", "same_state", "unchanged"]

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


def same_state(gold: Sequence[JsonValue], reached: JsonValue, free: Sequence[str] = ()) -> bool:
    """Return whether a conversation reached the same state as the gold.

    Args:
        gold: The states of the gold in order: at the start, after each call, and at the end.
        reached: The state that the conversation reached.
        free: Paths whose values are not compared.
    """
    return _same([without(state, free) for state in gold] if free else gold, without(reached, free))


def _same(gold: Sequence[Any], reached: Any) -> bool:
    """Return whether a value equals the value of the gold, which is the last of the values that the gold had."""
    last = gold[-1]
    if isinstance(last, Mapping) and isinstance(reached, Mapping):
        return last.keys() == reached.keys() and all(
            _same([one.get(key) if isinstance(one, Mapping) else None for one in gold], reached[key]) for key in last
        )
    if are_records(last) and are_records(reached):
        return len(last) == len(reached) and _same_records([_by_id(one) for one in gold], _by_id(reached))
    return equal(last, reached, strings=_same_text)


def _same_records(gold: Sequence[Mapping[str, Any]], reached: Mapping[str, Any]) -> bool:
    last = gold[-1]
    kept = [key for key in last if all(key in records for records in gold)]
    if kept != [key for key in reached if key in kept]:
        return False
    if not all(_same([records[key] for records in gold], reached[key]) for key in kept):
        return False
    new, others = ([one for key, one in records.items() if key not in kept] for records in (last, reached))
    for item in new:
        position = next((index for index, other in enumerate(others) if _same_new(item, other)), None)
        if position is None:
            return False
        del others[position]
    return not others


def _same_new(gold: Mapping[str, Any], reached: Mapping[str, Any]) -> bool:
    return _same([None, {**gold, "id": ""}], {**reached, "id": ""})  # None, because the start has no such record.


def _same_text(left: str, right: str) -> bool:
    return left == right or _lines(left) == _lines(right)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def unchanged(before: JsonValue, after: JsonValue) -> bool:
    """Return whether two values of a state are exactly equal."""
    return equal(before, after, strings=operator.eq)


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
        if not unchanged(before, after):
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
