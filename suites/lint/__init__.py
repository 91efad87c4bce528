"""`toolmark cases lint`: checks cases without a model.

A finding is either a certain fault (a case that cannot be read, an expected answer that is wrong) or a doubt (a
question that an offered tool could answer). The shipped cases have no finding.

    findings.py              what a finding is
    balance.py               tags, splits, and balance of tools, difficulties and places
    gold.py                  expected calls run, and every suite proves the expected answers
    likeness.py              cases that are too much alike, or like training templates
    skeletons.py             a question without its values, by which likeness is measured
    doubtful_abstentions.py  cases in which a call may be right after all
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
    """Read case files.

    Args:
        paths: Case files, or folders of which all *.jsonl are read.
        tools: Where the toolboxes are that the cases name.

    Returns:
        The cases with their places, and a finding for each row that cannot be read or repeats another case.

    Raises:
        InputError: A file cannot be read at all.
        NothingToDo: The files have no rows.
    """
    rows: list[LocatedCase] = []
    findings: list[Finding] = []
    known: dict[str, LocatedCase] = {}
    reader = ToolmarkReader(tools)
    for file in _case_files(paths):
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
        raise NothingToDo("the files have no case", "Name a file with at least one case.")
    return rows, findings


def _case_files(paths: Iterable[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"the folder {path} has no *.jsonl", "Name case files, or a folder with some.")
        found |= dict.fromkeys(inside)
    return list(found)


def lint_cases(paths: Sequence[Path], tools: str | None = None) -> tuple[list[Finding], int]:
    """Check case files.

    Returns:
        The findings in the order of files and lines, and the number of cases that were checked.

    Raises:
        InputError, NothingToDo: The same as `located_cases`.
    """
    rows, findings = located_cases(paths, tools)
    dialect = load("toolmark.dialects", "tagged")()
    findings += [*labels(rows), *splits(rows)]
    with Executor() as executor:
        broken = list(executes(rows, executor))
        findings += broken
        unsound = {(finding.file, finding.line) for finding in broken}
        # A call that does not run also fails its proof. It is reported once.
        findings += proves([row for row in rows if (row.file, row.line) not in unsound], dialect, executor)
    findings += [*duplicates(rows), *leaks(rows, training_patterns()), *abstentions(rows), *balance(rows)]
    order = {file: index for index, file in enumerate(_case_files(paths))}
    return sorted(findings, key=lambda found: (order[found.file], found.line, KINDS.index(found.kind))), len(rows)
