"""Prints a case: file and line, conversation, offered tools, and right answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.data.cases import Case, ExpectCall
from toolmark.suites.lint.findings import LocatedCase, expected_tools, stratum
from toolmark.suites.row_selection import Traits, selected_rows
from toolmark.suites.rule_texts import abstention_text, as_json, option_text, tags_text

__all__ = ["case_panel", "selected_cases"]

_MAX_TURN = 4_000


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


def _turns(case: Case) -> Iterator[tuple[str, str]]:
    for message in case.messages:
        if message.content or not message.tool_calls:
            said = message.content
            yield message.role, said if len(said) <= _MAX_TURN else f"{said[: _MAX_TURN - 1]}…"
        for call in message.tool_calls:
            yield message.role, f"calls {call.name}({as_json(dict(call.arguments))})"


def case_panel(row: LocatedCase) -> Panel:
    """Return the case in a frame. Control characters are escaped, so that they cannot change the terminal."""
    case = row.case
    body = Table.grid(padding=(0, 2))
    body.add_column(style="dim", no_wrap=True)
    body.add_column(overflow="fold")
    for role, text in _turns(case):
        body.add_row(role, Text(printable(text)))
    names = (Text(printable(name), style="bold" if name in _tools_of(case) else "") for name in case.toolbox.names)
    body.add_row("offered", Text(", ").join(names))
    for index, text in enumerate(_right_answers(case)):
        body.add_row("or" if index else "right", Text(printable(text), style="green"))
    if case.waiver is not None:
        body.add_row("waived", Text(printable(case.waiver), style="yellow"))
    body.add_row("tags", Text(printable(tags_text(case.split, case.group, case.tags))))
    title = Text(printable(f"{row.place}  {case.id}  {stratum(case)}"))
    return Panel(body, title=title, title_align="left")
