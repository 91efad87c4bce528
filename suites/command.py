"""Implements the commands `toolmark cases …`, which check, show, count and import case files."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App
from rich.text import Text

from toolmark.benchmark.core.errors import InputError, writing
from toolmark.benchmark.core.printing import console, printable, say
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.data.held_out import held_out
from toolmark.benchmark.data.shipped_cases import case_path
from toolmark.benchmark.readers.case_selection import Split, load_cases, skipped_lines
from toolmark.benchmark.readers.scenarios import kind_of_files
from toolmark.benchmark.readers.toolmark import case_line
from toolmark.benchmark.tools.trusted_tools import TRUSTED
from toolmark.benchmark.tools.worlds.world_names import WorldNames
from toolmark.suites.manifest import manifest_text

if TYPE_CHECKING:
    from toolmark.suites.lint import LocatedCase
    from toolmark.suites.lint.scenarios import LocatedScenario

__all__ = ["app"]

app = App(name="cases", help="Check, show, count and import case files.")


@app.command
def lint(*files: Path, tools: str | None = None, trust_data_tools: bool = False) -> None:
    """Check cases or scenarios without a model. Each finding is a line `file:line: kind: message`.

    The exit code is 0 if nothing is found, 1 if something is found, and 4 if a file cannot be read.

    Parameters
    ----------
    files:
        Files of cases or of scenarios, folders of such files, or the names of shipped sets: authored, generated,
        scenarios.
    tools:
        The toolboxes of the cases: a tools.yaml, a Python file or a module. Or the world of the scenarios:
        my_world.py:World.
    trust_data_tools:
        Also run the code that is named in the case files and in the tools.yaml beside them. This code gets all your
        rights.
    """
    from toolmark.suites.lint import lint_files

    if trust_data_tools:
        print(TRUSTED, file=sys.stderr)  # noqa: T201
    with phase("checking the cases"):
        findings, count, notes = lint_files(_given(files), tools, trust_data_tools=trust_data_tools)
    for finding in findings:
        print(printable(str(finding)))  # noqa: T201
    kinds = Counter(finding.kind for finding in findings)
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common()) or "nothing found"
    for note in notes:
        print(printable(note), file=sys.stderr)  # noqa: T201
    print(f"{count} cases checked: {told}", file=sys.stderr)  # noqa: T201
    sys.exit(1 if findings else 0)


def _given(files: Sequence[Path]) -> list[Path]:
    """Return the paths of the given files and folders. A path can also be the name of a shipped case set."""
    if not files:
        raise InputError(
            "no case file is given", "Give a file, a folder, or the name of a shipped set: toolmark cases lint authored"
        )
    return [case_path(str(file)) for file in files]


@app.command
def show(
    *files: Path,
    id: str | None = None,  # noqa: A002 - the flag is --id
    tool: str | None = None,
    reason: str | None = None,
    tools: str | None = None,
) -> None:
    """Show cases or scenarios: the conversation, the offered tools, and the right answers.

    Parameters
    ----------
    files:
        Files of cases or of scenarios, folders of such files, or the names of shipped sets: authored, generated,
        scenarios.
    id:
        Show only cases whose id begins with these characters.
    tool:
        Show only cases that expect a call of this tool, or in which an argument of this tool is missing. Show only
        scenarios whose gold calls this tool.
    reason:
        Show only cases of this stratum: call, no_tool_needed, no_tool_fits, missing_argument, already_answered, …
        Show only scenarios with a turn in which no call is right for this reason.
    tools:
        The toolboxes of the cases: a tools.yaml, a Python file or a module. Or the world of the scenarios:
        my_world.py:World.
    """
    from toolmark.suites.case_panel import case_panel, selected_cases
    from toolmark.suites.scenario_panel import scenario_panel, selected_scenarios

    cases, scenarios = _readable(files, tools)
    if scenarios:
        for scenario in selected_scenarios(scenarios, id, tool, reason):
            console().print(scenario_panel(scenario))
    else:
        for case in selected_cases(cases, id, tool, reason):
            console().print(case_panel(case))


@app.command
def stats(*files: Path, tools: str | None = None) -> None:
    """Count cases by stratum, tools offered, tool and topic, and print the minimum detectable effect of each metric.

    Scenarios are counted by world and by kind.

    Parameters
    ----------
    files:
        Files of cases or of scenarios, folders of such files, or the names of shipped sets: authored, generated,
        scenarios.
    tools:
        The toolboxes of the cases: a tools.yaml, a Python file or a module. Or the world of the scenarios:
        my_world.py:World.
    """
    from rich.table import Table

    from toolmark.suites.case_statistics import case_tables
    from toolmark.suites.scenario_statistics import scenario_tables

    cases, scenarios = _readable(files, tools)
    for counted in (
        scenario_tables([row.scenario for row in scenarios]) if scenarios else case_tables([row.case for row in cases])
    ):
        drawn = Table(title=counted.title, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for index, head in enumerate(counted.head):
            drawn.add_column(head, justify="left" if index < counted.left else "right")
        for row in counted.rows:
            drawn.add_row(*(Text(printable(cell)) for cell in row))
        console().print(drawn, "")


def _readable(files: Sequence[Path], tools: str | None) -> tuple[list[LocatedCase], list[LocatedScenario]]:
    """Return the cases or the scenarios of `files`. One of the two lists is empty.

    Raises:
        InputError: A row cannot be read, or the files have cases and scenarios.
        NothingToDo: The files have no rows.
    """
    from toolmark.suites.lint import located_cases, located_files
    from toolmark.suites.lint.scenarios import located_scenarios

    paths = located_files(_given(files))
    cases: list[LocatedCase] = []
    scenarios: list[LocatedScenario] = []
    if kind_of_files(paths) == "scenarios":
        scenarios, findings = located_scenarios(paths, WorldNames(tools))
    else:
        cases, findings = located_cases(paths, tools)
    for finding in findings:
        if finding.kind == "schema":
            command = ["toolmark", "cases", "lint", str(finding.file), *(["--tools", tools] if tools else [])]
            raise InputError(
                f"{finding.file}:{finding.line}: {finding.message}", f"List all faults: {shlex.join(command)}"
            )
    return cases, scenarios


@app.command
def manifest(folder: Path, *, tools: str | None = None, skip_bad: bool = False) -> None:
    """Write the hashes of a folder's test queries to its MANIFEST.toml. If there is no such file, it is made.

    `toolmark generate` and `toolmark train` refuse these queries with --manifest FOLDER/MANIFEST.toml.

    Parameters
    ----------
    folder:
        The folder of the cases or scenarios.
    tools:
        The toolboxes of the cases: a tools.yaml, a Python file or a module. Or the world of the scenarios:
        my_world.py:World.
    skip_bad:
        Leave out rows that cannot be read, and list these rows.
    """
    text, skipped = manifest_text(folder, tools, skip_bad=skip_bad)
    path = folder / "MANIFEST.toml"
    with writing(path):
        path.write_text(text, encoding="utf-8")
    count = len(held_out(path).queries)
    say(f"{count} test {'query' if count == 1 else 'queries'} written to {path}", *skipped_lines(skipped))


@app.command(name="import")
def import_cases(
    source: str, *, out: Path, tools: str | None = None, split: Split = "test", skip_bad: bool = False
) -> None:
    """Convert cases of another format to a case file.

    A training conversation becomes one case. The case expects the first calls of the conversation.

    Parameters
    ----------
    source:
        Reader and path of the cases, READER:PATH, as for --cases.
    out:
        The .jsonl file to write. The file must not exist yet.
    tools:
        The tools, if the rows contain only the names of tools: a .py file, a module or a .yaml file.
    split:
        The split of the cases.
    skip_bad:
        Leave out rows that cannot be read, and list these rows.
    """
    if out.suffix != ".jsonl":
        raise InputError(f"{out} does not end in .jsonl", f"Give this name: --out {out.stem}.{split}.jsonl")
    if out.exists():
        raise InputError(f"{out} already exists", "Give another file with --out, or remove this file.")
    cases, skipped = load_cases(source, split, tools, skip_bad)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("x", encoding="utf-8") as stream:
            stream.writelines(case_line(case.model_copy(update={"split": split})) for case in cases)
    waived = sum(case.waiver is not None for case in cases)
    lines = [f"{len(cases)} cases written to {out}"]
    lines += [f"{waived} of these cases are waived, because their expected answers are wrong"] * bool(waived)
    say(*lines, *skipped_lines(skipped))
