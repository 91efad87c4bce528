"""Selects the cases of a run: all cases of a split, or a stratified sample of these cases."""

from __future__ import annotations

import hashlib
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.core.user_paths import did_you_mean, expanded
from toolmark.benchmark.data.cases import Abstain, Case
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.data.shipped_cases import SHIPPED, case_path
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow, Reader
from toolmark.benchmark.readers.toolmark import ToolmarkReader

__all__ = [
    "TEST_ENDINGS",
    "Split",
    "case_files",
    "limited",
    "load_cases",
    "no_cases",
    "nothing_left",
    "open_reader",
    "skipped_lines",
]

Split = Literal["dev", "test"]

TEST_ENDINGS = (".test.jsonl", ".test.jsonl.gz")
"""Ends of the names of files with test cases. Trainings and `calibrate` do not read such files."""

C = TypeVar("C", Case, Scenario)


def open_reader(source: str, tools: str | None = None) -> tuple[Reader, Path]:
    """Return the reader and the path of a case source.

    Args:
        source: `NAME:PATH` with the name of a reader, a plain path to case files of Toolmark, or the name of a shipped
            case set. The path of the readers `toolmark` and `probes` can also be the name of a shipped case set. If a
            file or folder has the name of a case set, the file or folder is read.
        tools: The value of `--tools`, which is given to the reader.

    Raises:
        InputError: No reader has the name NAME, or `tools` is given to a reader that does not take tools.
    """
    prefix, colon, rest = source.partition(":")
    has_name = colon and not Path(source).exists() and len(prefix) > 1
    if has_name and (prefix in names("toolmark.readers") or not Path(prefix).parent.name):
        plugin = load("toolmark.readers", prefix)
        reader = plugin() if isinstance(plugin, type) else plugin
        path = case_path(rest) if isinstance(reader, ToolmarkReader) else expanded(rest)
    else:
        reader, path = ToolmarkReader(), case_path(source)
    if tools is not None:
        if not reader.takes_tools:
            raise InputError(
                f"--tools {tools} has no effect, because each row of the format {reader.name} lists its own tools",
                "Leave out --tools.",
            )
        reader.tools = tools
    return reader, path


def case_files(path: Path, split: Split) -> list[Path]:
    """Return `path` if it is a file. If `path` is a folder, return the case files of the split, `*.SPLIT.jsonl`.

    Raises:
        InputError: The file or folder does not exist, or the folder has no file of this split.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise no_cases(path)
    files = sorted(path.glob(f"*.{split}.jsonl"))
    if not files:
        raise InputError(
            f"{path} has no file *.{split}.jsonl",
            "Give the path of a file. Commands with the option --split can also read the other split.",
        )
    return files


def no_cases(path: Path) -> InputError:
    """Return the error for a path at which there is nothing."""
    prefix, colon, _ = str(path).partition(":")
    if colon and prefix in names("toolmark.readers"):
        return InputError(
            f"{str(path)!r} names a reader, but here only case files of Toolmark can be used",
            f"Write a case file first: toolmark cases import {shlex.quote(str(path))} --out imported.test.jsonl",
        )
    return InputError(
        f"there are no cases at {str(path)!r}",
        did_you_mean(
            path, f"Give a .jsonl file, a folder with *.test.jsonl files, or a shipped set: {', '.join(SHIPPED)}."
        ),
    )


def _rows(reader: Reader, path: Path, split: Split) -> Iterator[tuple[Path, int, Case | BadRow]]:
    """Yield the rows of a source.

    Yields:
        The file or folder that contains the row, the number of the row (from 1), and the row.
    """
    files = case_files(path, split) if isinstance(reader, ToolmarkReader) else [path]
    for file in files:
        for index, row in enumerate(reader.read(file), start=1):
            if isinstance(row, Trace):
                reason = "the conversation calls a tool that is not offered, so no case can be made from it"
                row = row.case or BadRow(file, row.line or index, reason)
            yield file, index, row


def load_cases(
    source: str, split: Split = "test", tools: str | None = None, skip_bad: bool = False
) -> tuple[list[Case], list[BadRow]]:
    """Return all cases of a source, and the rows that were left out.

    - A bad row is left out if `skip_bad` is True.
    - If two cases have the same id, the second case is left out if `skip_bad` is True. In the formats of other
      collections, the second case is also left out without `skip_bad`, if the right answers of both are equal.

    Raises:
        InputError: The source contains a bad row or a repeated case, and this row is not left out.
        NothingToDo: No case is left.
    """
    reader, path = open_reader(source, tools)
    cases: list[Case] = []
    skipped: list[BadRow] = []
    seen: dict[str, tuple[str, Case]] = {}
    foreign = not isinstance(reader, ToolmarkReader)
    unnamed = reader.takes_tools and reader.tools is None
    for file, index, row in _rows(reader, path, split):
        if isinstance(row, BadRow):
            if not skip_bad:
                own_tools = ", name your tools with --tools SOURCE" if foreign and unnamed else ""
                raise InputError(
                    f"{row.place}: {row.reason}", f"Correct the row{own_tools}, or leave bad rows out with --skip-bad."
                )
            skipped.append(row)
        elif row.id not in seen:
            seen[row.id] = f"{file}, case {index}", row
            cases.append(row)
        else:
            place, first = seen[row.id]
            twice = f"has the same id {row.id} as {place}: the same messages and tools"
            if not skip_bad and not (foreign and first.gold_hash == row.gold_hash):
                raise InputError(
                    f"{file}, case {index} {twice}",
                    "Remove one of the two cases, or change its messages or tools. To leave the second case out, add "
                    "--skip-bad.",
                )
            skipped.append(BadRow(file, index, f"{row.source.ref} {twice}", ref=row.source.ref))
    if not cases:
        raise nothing_left(source, "case", skipped)
    return cases, skipped


def nothing_left(source: str, what: str, skipped: Sequence[BadRow]) -> NothingToDo:
    """Return the error for a source without a row that can be used.

    Args:
        source: The source.
        what: What the rows are: `case` or `scenario`.
        skipped: The bad rows that were left out.
    """
    if not skipped:
        return NothingToDo(f"{source} has no {what}", f"Give the path of a file with at least one {what}.")
    return NothingToDo(
        f"{source} has no {what}, because all {len(skipped)} rows are bad. The first is {skipped[0].place}: "
        f"{skipped[0].reason}",
        "Correct the rows, or give another file or reader: READER:PATH.",
    )


def skipped_lines(skipped: Sequence[BadRow]) -> list[str]:
    """Return lines for the user about rows that were left out."""
    lines = [f"skipped {row.place}: {row.reason}" for row in skipped]
    return lines + [f"{len(skipped)} rows skipped"] * bool(skipped)


def _stratum(case: Case | Scenario) -> str:
    if isinstance(case, Scenario):
        return f"{case.world}:{case.tags.get('kinds')}"
    if isinstance(case.expect, Abstain):
        return case.expect.reason
    return "call:" + case.expect.any_of[0].calls[0].name


def limited(cases: Sequence[C], limit: int | None, seed: int = 0) -> list[C]:
    """Return a stratified sample of the cases.

    A stratum is a set of cases that expect the same tool, or that expect an abstention for the same reason. For
    scenarios, the stratum is the world together with the tag `kinds`. Every stratum has a proportional share of the
    sample. A larger sample contains every smaller sample with the same seed.

    The sample is drawn in three steps:

    1. Each stratum is shuffled by a seeded hash.
    2. The cases of each stratum get evenly spaced positions between 0 and 1.
    3. The `limit` cases with the lowest positions are the sample.

    Args:
        cases: All cases.
        limit: Size of the sample. None means all cases.
        seed: Seed of the hash.

    Returns:
        The sample, in the order of `cases`.

    Raises:
        InputError: `limit` is not positive.
    """
    if limit is None:
        return list(cases)
    if limit < 1:
        raise InputError(
            f"--limit {limit} leaves no case", "Give a number from 1, for example --limit 100, or leave out --limit."
        )
    strata: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for case in cases:
        draw = hashlib.sha256(f"{seed}:{case.id}".encode()).hexdigest()
        strata[_stratum(case)].append((draw, case.id))
    spread = sorted(
        ((rank + int(draw[:8], 16) / 2**32) / len(members), case_id)
        for members in strata.values()
        for rank, (draw, case_id) in enumerate(sorted(members))
    )
    chosen = {case_id for _, case_id in spread[:limit]}
    return [case for case in cases if case.id in chosen]
