"""Prints a scenario: the state at the start, and the turns with their demands and their gold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.panel import Panel

from toolmark.benchmark.data.cases import Abstain, Call
from toolmark.benchmark.data.scenarios import Demands, GoldCall, Scenario, TurnExpectation
from toolmark.suites.lint.scenarios import LocatedScenario
from toolmark.suites.row_panel import row_panel
from toolmark.suites.row_selection import Traits, selected_rows
from toolmark.suites.rule_texts import abstention_text, accepted_values, as_json, option_text, tags_text

__all__ = ["scenario_panel", "selected_scenarios"]


def selected_scenarios(
    rows: Sequence[LocatedScenario], scenario_id: str | None, tool: str | None, reason: str | None
) -> list[LocatedScenario]:
    """Return the scenarios that meet all conditions. The reason is one to abstain in at least one turn.

    The other arguments and the errors are those of `selected_rows`.
    """
    return selected_rows(rows, "scenario", _traits, scenario_id, tool, reason)


def _traits(row: LocatedScenario) -> Traits:
    return Traits(row.scenario.id, _tools_of(row.scenario), _reasons_of(row.scenario))


def _tools_of(scenario: Scenario) -> set[str]:
    return {call.name for turn in scenario.turns for call in turn.gold.calls}


def _reasons_of(scenario: Scenario) -> set[str]:
    return {turn.expect.reason for turn in scenario.turns if isinstance(turn.expect, Abstain)}


def _place(path: str) -> str:
    return path or "the whole state"


def _demands(expect: TurnExpectation) -> Iterator[str]:
    if isinstance(expect, Abstain):
        yield f"the model only reads, {abstention_text(expect)}"
    elif isinstance(expect, Demands):
        if expect.calls:
            yield f"calls {' or '.join(map(option_text, expect.calls))}"
        yield from (f"{_place(path)} is {accepted_values(rule)}" for path, rule in expect.reach.items())
        yield from (f"{path} is gone" for path in expect.gone)
        yield from (f"the answer says {' or '.join(map(as_json, ways))}" for ways in expect.say)
        yield from (f"{_place(path)} does not change" for path in expect.keep)
    else:
        yield "the same state and results as with the gold"


def _call(call: Call) -> str:
    fails = ", which fails" if isinstance(call, GoldCall) and call.fails else ""
    return f"{call.name}({as_json(dict(call.arguments))}){fails}"


def _lines(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    """Yield the lines of the panel: a label, a text, and the style of the text."""
    if scenario.system:
        yield "system", scenario.system, ""
    yield "state", as_json(scenario.state), ""
    yield "offered", ", ".join(scenario.offered(1).names), ""
    for number, turn in enumerate(scenario.turns, start=1):
        yield f"user {number}", turn.user, "bold"
        if later := [name for name, first in scenario.tools_from_turn.items() if first == number]:
            yield "also offered", ", ".join(later), ""
        for demand in _demands(turn.expect):
            yield "right if", demand, "green"
        for call in turn.gold.calls:
            yield "gold calls", _call(call), ""
        yield "gold answer", turn.gold.answer, ""
        for mistake in turn.wrong:
            yield "wrong", _call(mistake), ""
    for path in scenario.free:
        yield "not compared", _place(path), ""
    if scenario.waiver is not None:
        yield "waived", scenario.waiver, "yellow"
    yield "tags", tags_text(scenario.split, scenario.group, scenario.tags), ""


def scenario_panel(row: LocatedScenario) -> Panel:
    """Return the scenario in a frame."""
    return row_panel(f"{row.place}  {row.scenario.id}  {row.scenario.world}", _lines(row.scenario))
