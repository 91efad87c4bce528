"""Selects the cases or scenarios that `toolmark cases show` prints."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeVar

from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.core.registry import nearest

__all__ = ["Traits", "selected_rows"]

R = TypeVar("R")


class Traits(NamedTuple):
    """What a case or scenario can be selected by.

    Attributes:
        id: The id.
        tools: Names of the tools that it is about.
        reasons: Reasons to abstain, or the stratum of a case.
    """

    id: str
    tools: Collection[str]
    reasons: Collection[str]


def selected_rows(
    rows: Sequence[R],
    noun: str,
    traits: Callable[[R], Traits],
    row_id: str | None,
    tool: str | None,
    reason: str | None,
) -> list[R]:
    """Return the rows that meet all conditions. A condition that is None is ignored.

    Args:
        rows: All cases or scenarios.
        noun: What a row is, for errors: `case` or `scenario`.
        traits: Function that returns what a row can be selected by.
        row_id: First characters of the id.
        tool: Name of a tool.
        reason: A reason.

    Raises:
        InputError: No row has this tool or this reason. The message lists similar names.
        NothingToDo: No row meets all conditions.
    """
    known = [(row, traits(row)) for row in rows]
    for flag, value, names in (
        ("--tool", tool, {name for _, of_row in known for name in of_row.tools}),
        ("--reason", reason, {name for _, of_row in known for name in of_row.reasons}),
    ):
        if value is not None and value not in names:
            raise InputError(f"{flag} {value}: no {noun} has this value", nearest(value, tuple(sorted(names))))
    found = [
        row
        for row, of_row in known
        if (row_id is None or of_row.id.startswith(row_id))
        and (tool is None or tool in of_row.tools)
        and (reason is None or reason in of_row.reasons)
    ]
    if not found:
        raise NothingToDo(f"no {noun} meets all conditions", "Leave out or change --id, --tool or --reason.")
    return found
