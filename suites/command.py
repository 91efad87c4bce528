"""Implements the commands `toolmark cases …`, which check, show, count and import case files."""

from __future__ import annotations

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
from toolmark.benchmark.core.user_toml import toml_table
from toolmark.benchmark.data.cases import query_hash
from toolmark.benchmark.readers.case_selection import Split, load_cases
from toolmark.benchmark.readers.scenarios import load_scenarios
from toolmark.benchmark.readers.toolmark import case_line
from toolmark.benchmark.tools.trusted_tools import TRUSTED

if TYPE_CHECKING:
    from toolmark.suites.lint import LocatedCase

__all__ = ["app", "manifest_text"]

app = App(name="cases", help="Check, show, count and import case files.")

_SECTION = "[test_queries]"


def manifest_text(folder: Path) -> str:
    """Return the text of `MANIFEST.toml` in `folder`, with new hashes of test queries.

    The text above the hashes is kept. Its key `scenarios` can name a folder of scenarios, relative to `folder`. The
    first turns of these test scenarios are test queries, too. Later turns are not test queries, because many of them
    are as short as "Yes, please."

    Raises:
        InputError: The folder has no MANIFEST.toml, the file is not TOML, or a file of cases or scenarios cannot be
            read.
    """
    path = folder / "MANIFEST.toml"
    if not path.is_file():
        raise InputError(
            f"{folder} has no MANIFEST.toml", "Give the folder of the cases: toolmark cases manifest suites/cases"
        )
    cases, _ = load_cases(str(folder), "test")
    queries = [message.content for case in cases for message in case.messages if message.role == "user"]
    kept = path.read_text(encoding="utf-8").partition(_SECTION)[0].rstrip()
    try:
        scenarios = toml_table(kept).get("scenarios")
    except ValueError as error:
        raise InputError(f"{path} is not TOML: {error}", "Correct the syntax of the file.") from None
    if isinstance(scenarios, str):
        queries += [scenario.turns[0].user for scenario in load_scenarios(folder / scenarios, "test")]
    hashes = sorted(set(map(query_hash, queries)))
    listed = "\n".join(f'  "{value}",' for value in hashes)
    return f"{kept}\n\n{_SECTION}\nhashes = [\n{listed}\n]\n"


@app.command
def lint(*files: Path, tools: str | None = None, trust_data_tools: bool = False) -> None:
    """Check cases or scenarios without a model. Each finding is a line `file:line: kind: message`.

    The exit code is 0 if nothing is found, 1 if something is found, and 4 if a file cannot be read.

    Parameters
    ----------
    files:
        Files of cases or of scenarios, or folders of such files.
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
        findings, count, notes = lint_files(_at_least_one(files), tools, trust_data_tools=trust_data_tools)
    for finding in findings:
        print(printable(str(finding)))  # noqa: T201
    kinds = Counter(finding.kind for finding in findings)
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common()) or "nothing found"
    for note in notes:
        print(printable(note), file=sys.stderr)  # noqa: T201
    print(f"{count} cases checked: {told}", file=sys.stderr)  # noqa: T201
    sys.exit(1 if findings else 0)


def _at_least_one(files: Sequence[Path]) -> Sequence[Path]:
    if not files:
        raise InputError("no case file is given", "Give a file or a folder: toolmark cases lint suites/cases")
    return files


@app.command
def show(
    *files: Path,
    id: str | None = None,  # noqa: A002 - the flag is --id
    tool: str | None = None,
    reason: str | None = None,
    tools: str | None = None,
) -> None:
    """Show cases: the conversation, the offered tools, and the right answers.

    Parameters
    ----------
    files:
        Case files, or folders of case files.
    id:
        Show only cases whose id begins with these characters.
    tool:
        Show only cases that expect a call of this tool, or in which an argument of this tool is missing.
    reason:
        Show only cases of this stratum: call, no_tool_needed, no_tool_fits, missing_argument, already_answered, …
    tools:
        The toolboxes of the cases: a tools.yaml, a Python file or a module.
    """
    from toolmark.suites.case_panel import case_panel, selected_cases

    for row in selected_cases(_readable(files, tools), id, tool, reason):
        console().print(case_panel(row))


@app.command
def stats(*files: Path, tools: str | None = None) -> None:
    """Count cases by stratum, tools offered, tool and topic, and print the minimum detectable effect of each metric.

    Parameters
    ----------
    files:
        Case files, or folders of case files.
    tools:
        The toolboxes of the cases: a tools.yaml, a Python file or a module.
    """
    from rich.table import Table

    from toolmark.suites.case_statistics import case_tables

    for counted in case_tables([row.case for row in _readable(files, tools)]):
        drawn = Table(title=counted.title, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for index, head in enumerate(counted.head):
            drawn.add_column(head, justify="left" if index < counted.left else "right")
        for row in counted.rows:
            drawn.add_row(*(Text(printable(cell)) for cell in row))
        console().print(drawn, "")


def _readable(files: Sequence[Path], tools: str | None) -> list[LocatedCase]:
    """Return the cases of `files`.

    Raises:
        InputError: A case cannot be read.
    """
    from toolmark.suites.lint import located_cases

    rows, findings = located_cases(_at_least_one(files), tools)
    for finding in findings:
        if finding.kind == "schema":
            raise InputError(
                f"{finding.file}:{finding.line}: {finding.message}", "List all faults: toolmark cases lint FILE"
            )
    return rows


@app.command
def manifest(folder: Path) -> None:
    """Write the hashes of a folder's test queries to its MANIFEST.toml. Trainers refuse data with these queries."""
    (folder / "MANIFEST.toml").write_text(manifest_text(folder), encoding="utf-8")


@app.command(name="import")
def import_cases(
    source: str, *, out: Path, tools: str | None = None, split: Split = "test", skip_bad: bool = False
) -> None:
    """Convert cases of another format to a case file.

    A training conversation is split into one case for each answer of the assistant.

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
    lines += [f"skipped {row.place}: {row.reason}" for row in skipped]
    lines += [f"{len(skipped)} rows skipped"] * bool(skipped)
    say(*lines)
