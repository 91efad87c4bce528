"""Prints a case: file and line, conversation, offered tools, and right answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.core.registry import nearest
from toolmark.benchmark.data.cases import Case, ExpectCall
from toolmark.suites.lint.findings import LocatedCase, expected_tools, stratum
from toolmark.suites.rule_texts import abstention_text, as_json, option_text

__all__ = ["case_panel", "selected_cases"]

_MAX_TURN = 4_000


def selected_cases(
    rows: Sequence[LocatedCase], case_id: str | None, tool: str | None, reason: str | None
) -> list[LocatedCase]:
    """Return the cases that meet all conditions. A condition that is None is ignored.

    Args:
        rows: All cases.
        case_id: First characters of the id.
        tool: Name of the expected tool, or of the tool with the missing argument.
        reason: The stratum of the case.

    Raises:
        InputError: No case has this tool or this reason. The message lists similar names.
        NothingToDo: No case meets all conditions.
    """
    for flag, value, known in (
        ("--tool", tool, {name for row in rows for name in _tools_of(row.case)}),
        ("--reason", reason, {stratum(row.case) for row in rows}),
    ):
        if value is not None and value not in known:
            raise InputError(f"{flag} {value}: no case has this value", nearest(value, tuple(sorted(known))))
    found = [
        row
        for row in rows
        if (case_id is None or row.case.id.startswith(case_id))
        and (tool is None or tool in _tools_of(row.case))
        and (reason is None or stratum(row.case) == reason)
    ]
    if not found:
        raise NothingToDo("no case meets all conditions", "Leave out or change --id, --tool or --reason.")
    return found


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
    tags = ", ".join(f"{key} {value if isinstance(value, str) else as_json(value)}" for key, value in case.tags.items())
    body.add_row("tags", Text(printable(f"{case.split}; group {case.group or '–'}; {tags}")))
    title = Text(printable(f"{row.place}  {case.id}  {stratum(case)}"))
    return Panel(body, title=title, title_align="left")
