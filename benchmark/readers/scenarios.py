"""Reads and writes files of scenarios: one scenario in JSON on each line.

The field `world` contains the name of a shipped world, or the name of the world that the user gave with `--tools`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.case_selection import Split, case_files, nothing_left
from toolmark.benchmark.readers.file_rows import Row, json_rows
from toolmark.benchmark.readers.row_conversion import field, reason
from toolmark.benchmark.tools.worlds.world_names import WorldNames

__all__ = [
    "distinct",
    "kind_of_files",
    "kind_of_rows",
    "load_scenarios",
    "read_scenarios",
    "scenario_line",
    "scenario_rows",
]


def kind_of_rows(path: Path) -> Literal["scenarios", "cases"] | None:
    """Return what a file holds. Return None if no row can be read. The first row that can be read decides.

    Raises:
        InputError: The file cannot be read.
    """
    row = next((row for _, row in json_rows(path) if not isinstance(row, BadRow)), None)
    if row is None:
        return None
    return "scenarios" if "world" in row or "turns" in row else "cases"


def kind_of_files(paths: Iterable[Path]) -> Literal["scenarios", "cases"] | None:
    """Return what several files hold. Return None if no row of them can be read.

    Raises:
        InputError: A file cannot be read. Or one file has cases, and another file has scenarios.
    """
    kinds = {kind: path for path in paths if (kind := kind_of_rows(path)) is not None}
    if len(kinds) > 1:
        raise InputError(
            f"{kinds['cases']} has cases, but {kinds['scenarios']} has scenarios",
            f"Give files of one kind at a time, for example {kinds['scenarios']}",
        )
    return next(iter(kinds), None)


def scenario_rows(path: Path, worlds: WorldNames) -> Iterator[tuple[int, Scenario | BadRow]]:
    """Yield the scenarios of one file with their line numbers, from 1.

    Args:
        path: The file.
        worlds: The worlds that are allowed to run.

    Raises:
        InputError: The file cannot be read.
    """
    for line, row in json_rows(path):
        yield line, row if isinstance(row, BadRow) else _scenario(path, line, row, worlds)


def _scenario(path: Path, line: int, row: Row, worlds: WorldNames) -> Scenario | BadRow:
    if "toolbox" in row:
        return BadRow(path, line, "a scenario must not have the field toolbox, because the world defines the tools")
    try:
        world = worlds.resolve(field(row, "world", str))
        return Scenario.model_validate({**row, "toolbox": world.toolbox})
    except ValidationError as error:
        return BadRow(path, line, reason(error))
    except (InputError, ValueError) as error:
        return BadRow(path, line, str(error))
    except RecursionError:
        return BadRow(path, line, "nested too deeply")


def load_scenarios(source: Path, split: Split = "test", worlds: WorldNames | None = None) -> list[Scenario]:
    """Return all scenarios of a file, or of the files `*.SPLIT.jsonl` in a folder. See `read_scenarios`."""
    return read_scenarios(source, split, worlds)[0]


def read_scenarios(
    source: Path, split: Split = "test", worlds: WorldNames | None = None, *, skip_bad: bool = False
) -> tuple[list[Scenario], list[BadRow]]:
    """Return all scenarios of a file, or of the files `*.SPLIT.jsonl` in a folder, and the rows that were left out.

    Args:
        source: The file or folder.
        split: The split to read from a folder.
        worlds: The worlds that are allowed to run. Without them, the shipped worlds.
        skip_bad: Whether rows that cannot be read are left out.

    Raises:
        InputError: A file or a row cannot be read, or two scenarios are equal.
        NothingToDo: There is no scenario.
    """
    names = worlds or WorldNames()
    rows = ((file, *row) for file in case_files(source, split) for row in scenario_rows(file, names))
    return distinct(str(source), rows, skip_bad=skip_bad)


def distinct(
    source: str, rows: Iterable[tuple[Path, int, Scenario | BadRow]], *, skip_bad: bool
) -> tuple[list[Scenario], list[BadRow]]:
    """Return the scenarios of `rows`, and the rows that were left out. The errors are those of `read_scenarios`.

    Args:
        source: Where the rows come from, for the message of an error.
        rows: The rows, with their files and line numbers.
        skip_bad: Whether rows that cannot be read are left out.
    """
    skipped: list[BadRow] = []
    scenarios: dict[str, Scenario] = {}
    for file, line, row in rows:
        if isinstance(row, BadRow):
            if not skip_bad:
                what = f"{row.place}: {row.reason}"
                raise InputError(what, "Correct the row, or leave bad rows out with --skip-bad.")
            skipped.append(row)
            continue
        if row.id in scenarios:
            what = f"{file}:{line}: the same texts and state as in the scenario {scenarios[row.id].source.ref}"
            raise InputError(what, "Remove one of the two scenarios.")
        scenarios[row.id] = row
    if not scenarios:
        raise nothing_left(source, "scenario", skipped)
    return list(scenarios.values()), skipped


def scenario_line(scenario: Scenario) -> str:
    """Return a scenario as a line of a file, with a newline. Fields at their default are left out."""
    content = scenario.model_dump(mode="json", exclude={"toolbox"}, exclude_defaults=True)
    return json.dumps({"world": scenario.world, "state": scenario.state} | content, ensure_ascii=False) + "\n"
