"""Checks files of scenarios without a model: the gold succeeds, and planted wrong conversations fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.readers.scenarios import scenario_rows
from toolmark.benchmark.scoring.scenario_proof import ScenarioProof
from toolmark.benchmark.tools.worlds.world_names import WorldNames
from toolmark.benchmark.tools.worlds.world_session import StateError, world_sandbox
from toolmark.suites.lint.findings import Finding

__all__ = ["LocatedScenario", "lint_scenarios", "located_scenarios"]


@dataclass(frozen=True, slots=True)
class LocatedScenario:
    """A scenario and its place.

    Attributes:
        scenario: The scenario.
        file: The file.
        line: Number of the line, from 1.
    """

    scenario: Scenario
    file: Path
    line: int

    @property
    def place(self) -> str:
        """Return the place in the form `file:line`."""
        return f"{self.file}:{self.line}"


def located_scenarios(files: Iterable[Path], worlds: WorldNames) -> tuple[list[LocatedScenario], list[Finding]]:
    """Return the scenarios of some files, and a finding for each row that cannot be read.

    Args:
        files: The files.
        worlds: The worlds that are allowed to run.

    Raises:
        InputError: A file cannot be read.
    """
    findings: list[Finding] = []
    rows: list[LocatedScenario] = []
    for file in files:
        for line, row in scenario_rows(file, worlds):
            if isinstance(row, Scenario):
                rows.append(LocatedScenario(row, file, line))
            else:
                findings.append(Finding(file, line, "schema", row.reason))
    return rows, findings


def lint_scenarios(files: Iterable[Path], tools: str | None = None) -> tuple[list[Finding], int]:
    """Check files of scenarios.

    Args:
        files: The files.
        tools: The world of the scenarios, in the form of the option `--tools`.

    Returns:
        The findings in the order of files and lines, and the number of scenarios that were checked.

    Raises:
        InputError: A file or the world cannot be read.
    """
    names, order = WorldNames(tools), {file: index for index, file in enumerate(files)}
    rows, findings = located_scenarios(order, names)
    findings += _splits(rows)
    with world_sandbox() as sandbox:
        for row in rows:
            try:
                faults = list(ScenarioProof(row.scenario, names.resolve(row.scenario.world), sandbox).faults())
            except StateError as error:
                faults = [str(error)]
            findings += [Finding(row.file, row.line, "gold", fault) for fault in faults]
    findings.sort(key=lambda found: (order[found.file], found.line))
    return findings, len(rows)


def _splits(rows: Sequence[LocatedScenario]) -> Iterator[Finding]:
    """Yield findings: equal scenarios, a cluster in both splits, a scenario in the file of the other split."""
    known: dict[str, str] = {}
    clusters: dict[str, str] = {}
    for row in rows:
        scenario, file, line = row.scenario, row.file, row.line
        if (first := known.setdefault(scenario.id, row.place)) != row.place:
            yield Finding(file, line, "id", f"the same texts and state as {first}")
        if clusters.setdefault(scenario.cluster, scenario.split) != scenario.split:
            yield Finding(file, line, "split", f"the cluster {scenario.cluster!r} is in both splits")
        if any(file.name.endswith(f".{other}.jsonl") for other in ("dev", "test") if other != scenario.split):
            yield Finding(file, line, "split", f"the split is {scenario.split}, but the file is of the other split")
