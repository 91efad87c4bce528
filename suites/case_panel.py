"""Prints a case: file and line, conversation, offered tools, and right answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.panel import Panel
from rich.text import Text

from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.data.cases import Case, ExpectCall
from toolmark.suites.lint.findings import LocatedCase, expected_tools, stratum
from toolmark.suites.row_panel import row_panel
from toolmark.suites.row_selection import Traits, selected_rows
from toolmark.suites.rule_texts import abstention_text, as_json, option_text, tags_text

__all__ = ["case_panel", "selected_cases"]


def selected_cases(
    rows: Sequence[LocatedCase], case_id: str | None, tool: str | None, reason: str | None
) -> list[LocatedCase]:
    """Return the cases that meet all conditions. The reason is the stratum of a case.

    The other arguments and the errors are those of `selected_rows`.
    """
    return selected_rows(rows, "case", _traits, case_id, tool, reason)


def _traits(row: LocatedCase) -> Traits:
    return Traits(row.case.id, _tools_of(row.case), (stratum(row.case),))


def _tools_of(case: Case) -> tuple[str, ...]:
    if isinstance(case.expect, ExpectCall):
        return expected_tools(case)
    return (case.expect.tool,) if case.expect.tool else ()


def _right_answers(case: Case) -> Iterator[str]:
    if not isinstance(case.expect, ExpectCall):
        yield f"no call, {abstention_text(case.expect)}"
        return
    yield from map(option_text, case.expect.any_of)


def _lines(case: Case) -> Iterator[tuple[str, str | Text, str]]:
    """Yield the lines of the panel: a label, a text, and the style of the text."""
    for message in case.messages:
        if message.content or not message.tool_calls:
            yield message.role, message.content, ""
        for call in message.tool_calls:
            yield message.role, f"calls {call.name}({as_json(dict(call.arguments))})", ""
    right = _tools_of(case)
    names = (Text(printable(name), style="bold" if name in right else "") for name in case.toolbox.names)
    yield "offered", Text(", ").join(names), ""
    for index, text in enumerate(_right_answers(case)):
        yield "or" if index else "right", text, "green"
    if case.waiver is not None:
        yield "waived", case.waiver, "yellow"
    yield "tags", tags_text(case.split, case.group, case.tags), ""


def case_panel(row: LocatedCase) -> Panel:
    """Return the case in a frame."""
    return row_panel(f"{row.place}  {row.case.id}  {stratum(row.case)}", _lines(row.case))
