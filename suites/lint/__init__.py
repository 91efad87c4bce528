"""Checks cases without a model, for `toolmark cases lint`.

A finding is either a fault or a doubt. A fault is certain. Examples are an unreadable case and a wrong expected answer.
A person must decide about a doubt. An example is a question that expects no call although a tool could answer it. The
shipped cases have no finding.

    findings.py              a finding, and the position of a case
    balance.py               checks of tags and splits; checks that tools, difficulties and places are balanced
    gold.py                  runs the expected calls; checks that a perfect answer scores 1 on each primary metric
    likeness.py              finds cases that are too similar to each other or to training templates
    skeletons.py             removes the values from questions, for the measurement of similarity
    doubtful_abstentions.py  finds cases that expect no call although a call is perhaps right
    scenarios.py             plays the gold of scenarios and planted wrong conversations
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeGuard, get_args

from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.case_selection import Split, no_cases
from toolmark.benchmark.readers.scenarios import kind_of_rows
from toolmark.benchmark.readers.toolmark import NO_OBJECT, ToolmarkReader
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.tools.toolbox_names import named_tools
from toolmark.suites.lint.balance import balance, labels, splits
from toolmark.suites.lint.doubtful_abstentions import abstentions
from toolmark.suites.lint.findings import KINDS, Finding, LocatedCase
from toolmark.suites.lint.gold import executes, proves
from toolmark.suites.lint.likeness import duplicates, leaks, training_patterns
from toolmark.suites.lint.scenarios import lint_scenarios

__all__ = ["KINDS", "Finding", "LocatedCase", "lint_cases", "lint_files", "located_cases", "located_files"]


def located_cases(paths: Iterable[Path], tools: str | None = None) -> tuple[list[LocatedCase], list[Finding]]:
    """Read case files, and return the cases and the findings.

    Args:
        paths: Case files or folders. In a folder, the files `*.dev.jsonl` and `*.test.jsonl` are read.
        tools: The toolboxes of the cases: a tools.yaml, a Python file or a module.

    Returns:
        The cases with file and line, and the findings. A row that cannot be read gives a finding. A row that repeats
        another case gives a finding too. If a file has several lines, and none of them is a JSON object, the file gives
        only one finding.

    Raises:
        InputError: A file cannot be read.
        NothingToDo: The files have no rows.
    """
    rows: list[LocatedCase] = []
    findings: list[Finding] = []
    known: dict[str, LocatedCase] = {}
    reader = ToolmarkReader(tools)
    for file in located_files(paths):
        lines = list(reader.rows(file))
        broken = [(line, read.reason) for line, read in lines if _is_no_object(read)]
        if 1 < len(lines) == len(broken):
            line, why = broken[0]
            what = "No line of this file is a JSON object. Give a file with one case in JSON on each line"
            findings.append(Finding(file, line, "schema", f"{why}. {what}"))
            continue
        for line, read in lines:
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
        raise NothingToDo("the files have no case", "Give a file with at least one case.")
    return rows, findings


def _is_no_object(read: Case | BadRow) -> TypeGuard[BadRow]:
    return isinstance(read, BadRow) and read.reason.startswith(NO_OBJECT)


def located_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files among `paths`, and the case files of the folders among `paths`. Each file is listed once.

    Raises:
        InputError: There is nothing at a path, or a folder has no case files.
    """
    return list(dict.fromkeys(file for path in paths for file in ([path] if path.is_file() else _of_folder(path))))


def _of_folder(folder: Path) -> list[Path]:
    """Return the case files of a folder. An evaluation reads the same files.

    Raises:
        InputError: There is no such folder, or the folder has no case files.
    """
    inside = sorted(file for split in get_args(Split) for file in folder.glob(f"*.{split}.jsonl"))
    if folder.is_dir() and not inside:
        raise InputError(f"the folder {folder} has no *.test.jsonl and no *.dev.jsonl", "Give the case files.")
    if not folder.exists():
        raise no_cases(folder)
    return inside or [folder]


def lint_cases(
    paths: Sequence[Path], tools: str | None = None, *, trust_data_tools: bool = False
) -> tuple[list[Finding], int, list[str]]:
    """Check case files.

    Args:
        paths: Case files or folders.
        tools: The toolboxes of the cases, in the form of the option `--tools`.
        trust_data_tools: Whether Toolmark imports and runs the code that is named in the case files.

    Returns:
        The findings in the order of files and lines, the number of cases that were checked, and notes for the user.
        There are two kinds of notes. One kind is about parts of `tools` that cannot be tools. The other kind is about
        tools that were not run, because they are not in `tools`.

    Raises:
        InputError: A file cannot be read.
        NothingToDo: The files have no rows.
    """
    rows, findings = located_cases(paths, tools)
    dialect = load("toolmark.dialects", "tagged")()
    findings += [*labels(rows), *splits(rows)]
    named = named_tools(tools)
    with Executor(named=named.tools, trust_data=trust_data_tools) as executor:
        untrusted = executor.note_on_untrusted(row.case for row in rows)
        notes = [*map(str, named.notes), *([untrusted] if untrusted else [])]
        broken = list(executes(rows, executor))
        findings += broken
        unsound = {(finding.file, finding.line) for finding in broken}
        # If an expected call fails, the expected answer of the case is wrong too. Only the first finding is reported.
        findings += proves([row for row in rows if (row.file, row.line) not in unsound], dialect, executor)
    findings += [*duplicates(rows), *leaks(rows, training_patterns()), *abstentions(rows), *balance(rows)]
    order = {file: index for index, file in enumerate(located_files(paths))}
    findings.sort(key=lambda found: (order[found.file], found.line, KINDS.index(found.kind)))
    return findings, len(rows), notes


def lint_files(
    paths: Sequence[Path], tools: str | None = None, *, trust_data_tools: bool = False
) -> tuple[list[Finding], int, list[str]]:
    """Check files of cases and files of scenarios. The arguments, the result and the errors are those of `lint_cases`.

    The findings about scenarios come last.
    """
    files = located_files(paths)
    scenarios = [file for file in files if kind_of_rows(file) == "scenarios"]
    findings, count = lint_scenarios(scenarios, tools)
    if len(scenarios) == len(files):
        return findings, count, []
    others = [file for file in files if file not in scenarios]
    of_cases, more, notes = lint_cases(others, tools, trust_data_tools=trust_data_tools)
    return [*of_cases, *findings], count + more, notes
