"""Makes tables with the number of scenarios in a collection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.verdicts.power import minimum_detectable_effect
from toolmark.suites.case_statistics import DISCORDANCE, CountTable

__all__ = ["scenario_tables"]

_HEAD = ("scenarios", "clusters", "dev", "test", "turns: least / median / most", "gold calls: least / median / most")


def scenario_tables(scenarios: Sequence[Scenario]) -> list[CountTable]:
    """Return the tables by world and by kind, and the minimum detectable effect of `conversation.success`.

    The kinds of a scenario are in its tag `kinds`.
    """
    worlds = _table("world", scenarios, lambda scenario: (scenario.world,))
    kinds = _table("kind", scenarios, _kinds)
    return [CountTable(worlds.title, worlds.head, (*worlds.rows, _counts("all", scenarios))), kinds, _effect(scenarios)]


def _kinds(scenario: Scenario) -> Sequence[str]:
    kinds = scenario.tags.get("kinds")
    if not isinstance(kinds, list):
        return ["not said"]
    return [str(kind) for kind in kinds] or ["none"]


def _table(title: str, scenarios: Sequence[Scenario], key: Callable[[Scenario], Sequence[str]]) -> CountTable:
    """Return a table with a row for each value of `key`. The value with most scenarios comes first.

    A scenario can have several values. It then counts in the row of each of these values.
    """
    members: dict[str, list[Scenario]] = {}
    for scenario in scenarios:
        for value in dict.fromkeys(key(scenario)):
            members.setdefault(value, []).append(scenario)
    ordered = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    return CountTable(title, (title, *_HEAD), tuple(_counts(name, found) for name, found in ordered))


def _counts(name: str, scenarios: Sequence[Scenario]) -> tuple[str, ...]:
    return (
        name,
        str(len(scenarios)),
        str(len({scenario.cluster for scenario in scenarios})),
        str(sum(scenario.split == "dev" for scenario in scenarios)),
        str(sum(scenario.split == "test" for scenario in scenarios)),
        _range([len(scenario.turns) for scenario in scenarios]),
        _range([sum(len(turn.gold.calls) for turn in scenario.turns) for scenario in scenarios]),
    )


def _range(numbers: Sequence[int]) -> str:
    return f"{min(numbers)} / {median(numbers):g} / {max(numbers)}"


def _effect(scenarios: Sequence[Scenario]) -> CountTable:
    judged = [scenario for scenario in scenarios if scenario.split == "test" and not scenario.waiver]
    clusters = len({scenario.cluster for scenario in judged})
    effect = minimum_detectable_effect(clusters, DISCORDANCE)
    told = "none" if effect is None else f"{effect * 100:.1f}"
    how = f"80% power, an uncorrected level of 5% and {DISCORDANCE:.0%} discordance"
    return CountTable(
        f"minimum detectable effect in points in the test split, with {how}",
        ("metric", "scenarios", "clusters", "points"),
        (("conversation.success", str(len(judged)), str(clusters), told),),
    )
