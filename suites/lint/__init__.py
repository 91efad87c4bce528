"""`toolmark cases lint`: what can be told about cases without a model and without a person.

Certain faults (a case that cannot be read, gold that does not hold) and suspicions (a question that an offered tool
could answer) are findings alike: the shipped cases have neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.readers.toolmark import ToolmarkReader
from toolmark.benchmark.scoring.execution import Executor
from toolmark.suites.lint.balance import balance, labels, splits
from toolmark.suites.lint.doubtful_abstentions import abstentions
from toolmark.suites.lint.findings import KINDS, Finding, LocatedCase
from toolmark.suites.lint.gold import executes, proves
from toolmark.suites.lint.likeness import duplicates, leaks, training_patterns

__all__ = ["KINDS", "Finding", "LocatedCase", "lint", "located_cases"]


def located_cases(paths: Iterable[Path], tools: str | None = None) -> tuple[list[LocatedCase], list[Finding]]:
    """The cases of files (of a folder, all its *.jsonl) with their lines, and what cannot be read or stands twice.

    Raises:
        InputError: A file cannot be read at all.
        NothingToDo: There is no row.
    """
    rows: list[LocatedCase] = []
    findings: list[Finding] = []
    known: dict[str, LocatedCase] = {}
    reader = ToolmarkReader(tools)
    for file in _files(paths):
        for line, read in reader.rows(file):
            if not isinstance(read, Case):
                findings.append(Finding(file, line, "schema", read.reason))
                continue
            row = LocatedCase(read, file, line)
            first = known.setdefault(read.id, row)
            if first is row:
                rows.append(row)
            else:
                findings.append(row.finding("id", f"the same messages and tools as {first.place}"))
    if not rows and not findings:
        raise NothingToDo("the files hold no case", "Name a file with at least one case.")
    return rows, findings


def _files(paths: Iterable[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"{path} has no *.jsonl", "Name case files, or a folder of them.")
        found |= dict.fromkeys(inside)
    return list(found)


def lint(paths: Sequence[Path], tools: str | None = None) -> tuple[list[Finding], int]:
    """Everything found in the files, in their order, and the number of cases that were checked.

    Raises:
        InputError, NothingToDo: As `located_cases`.
    """
    rows, findings = located_cases(paths, tools)
    dialect = load("toolmark.dialects", "tagged")()
    findings += [*labels(rows), *splits(rows)]
    with Executor() as executor:
        broken = list(executes(rows, executor))
        findings += broken
        unsound = {(finding.file, finding.line) for finding in broken}
        # A call that does not run fails its proof too, for that one reason.
        findings += proves([row for row in rows if (row.file, row.line) not in unsound], dialect, executor)
    findings += [*duplicates(rows), *leaks(rows, training_patterns()), *abstentions(rows), *balance(rows)]
    order = {file: index for index, file in enumerate(_files(paths))}
    return sorted(findings, key=lambda found: (order[found.file], found.line, KINDS.index(found.kind))), len(rows)
