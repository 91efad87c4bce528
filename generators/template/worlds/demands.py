"""Finds the demands of a turn from the states before and after its calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from toolmark.benchmark.data.scenarios import Demands
from toolmark.benchmark.data.state_paths import without
from toolmark.benchmark.scoring.world_states import changes

__all__ = ["Told", "demands_of"]

Told = Sequence[str | int | float]
"""Different ways to tell the user the same thing."""


def demands_of(before: JsonValue, after: JsonValue, say: Sequence[Told], free: Sequence[str]) -> Demands:
    """Return the demands that a turn must meet.

    Each value that changed must be reached, and what was removed must be gone. If nothing changed, the whole state must
    be kept.

    Args:
        before: The state before the turn.
        after: The state after the turn.
        say: What the answer must tell.
        free: Paths of the state whose values can differ, in the form `/LIST/*/FIELD`.
    """
    reach: dict[str, Any] = {}
    gone: list[str] = []
    found = list(changes(without(before, free), without(after, free)))
    for change in found:
        if change.kind == "removed":
            gone.append(change.path)
        elif change.kind == "added" and isinstance(change.after, Mapping) and "id" in change.after:
            records = change.path.rpartition("/")[0]
            reach[f"{records}/*"] = {"match": "object", "of": _record(records, change.after, free)}
        else:
            reach[change.path] = [change.after]
    return Demands.model_validate({"reach": reach, "gone": gone, "say": say, "keep": [] if found else [""]})


def _record(records: str, record: Mapping[str, Any], free: Sequence[str]) -> dict[str, Any]:
    """Return the rules for the fields of a new record. Its id can be any."""
    prefix = f"{records}/*/"
    any_value = {path.removeprefix(prefix): {"match": "anything"} for path in free if path.startswith(prefix)}
    return {name: [value] for name, value in record.items()} | any_value | {"id": {"match": "nonempty"}}
