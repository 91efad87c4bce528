"""`toolmark cases …`: commands about case files."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App
from rich.text import Text

from toolmark.benchmark.core.errors import InputError, writing
from toolmark.benchmark.core.printing import console, printable
from toolmark.benchmark.data.cases import query_hash
from toolmark.benchmark.readers.case_selection import Split, load_cases
from toolmark.benchmark.readers.toolmark import case_line

if TYPE_CHECKING:
    from toolmark.suites.lint import LocatedCase

__all__ = ["app", "manifest_text"]

app = App(name="cases", help="Work on case files.")

_SECTION = "[test_queries]"


def manifest_text(folder: Path) -> str:
    """The manifest of `folder` with the hashes of its test queries made anew; all that stands above them is kept.

    Raises:
        InputError: The folder has no MANIFEST.toml, or a case file is broken.
    """
    path = folder / "MANIFEST.toml"
    if not path.is_file():
        raise InputError(
            f"{folder} has no MANIFEST.toml", "Name the folder of the cases: toolmark cases manifest suites/cases"
        )
    cases, _ = load_cases(str(folder), "test")
    turns = (message for case in cases for message in case.messages if message.role == "user")
    hashes = sorted({query_hash(message.content) for message in turns})
    kept = path.read_text(encoding="utf-8").partition(_SECTION)[0].rstrip()
    listed = "\n".join(f'  "{value}",' for value in hashes)
    return f"{kept}\n\n{_SECTION}\nhashes = [\n{listed}\n]\n"


@app.command
def lint(*files: Path, tools: str | None = None) -> None:
    """Check cases without a model; each finding is a line `file:line: kind: message`.

    Leaves with 0 where nothing is found, with 1 where something is, and with 4 where a file cannot be read.

    Parameters
    ----------
    files:
        Case files, or folders of them.
    tools:
        Source of toolbox names that the cases use: a tools.yaml, a Python file or a module.
    """
    from toolmark.suites.lint import lint as check

    findings, count = check(_named(files), tools)
    for finding in findings:
        print(printable(str(finding)))  # noqa: T201
    kinds = Counter(finding.kind for finding in findings)
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common()) or "nothing found"
    print(f"{count} cases checked: {told}", file=sys.stderr)  # noqa: T201
    sys.exit(1 if findings else 0)


def _named(files: Sequence[Path]) -> Sequence[Path]:
    if not files:
        raise InputError("no case file is named", "Name at least one: toolmark cases lint suites/cases")
    return files


@app.command
def show(
    *files: Path,
    id: str | None = None,  # noqa: A002 - the flag is --id
    tool: str | None = None,
    reason: str | None = None,
    tools: str | None = None,
) -> None:
    """Show cases: the conversation, the tools offered, and what is right.

    Parameters
    ----------
    files:
        Case files, or folders of them.
    id:
        Only cases whose id begins so.
    tool:
        Only cases that call this tool, or that lack an argument of it.
    reason:
        Only cases of this stratum: call, no_tool_needed, no_tool_fits, missing_argument, already_answered, …
    tools:
        Source of toolbox names that the cases use: a tools.yaml, a Python file or a module.
    """
    from toolmark.suites.case_panel import chosen, panel

    for row in chosen(_readable(files, tools), id, tool, reason):
        console().print(panel(row))


@app.command
def stats(*files: Path, tools: str | None = None) -> None:
    """Count cases by stratum, tools offered, tool and topic, and tell the smallest effect that they can show.

    Parameters
    ----------
    files:
        Case files, or folders of them.
    tools:
        Source of toolbox names that the cases use: a tools.yaml, a Python file or a module.
    """
    from rich.table import Table

    from toolmark.suites.case_statistics import tables

    for counted in tables([row.case for row in _readable(files, tools)]):
        drawn = Table(title=counted.title, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for index, head in enumerate(counted.head):
            drawn.add_column(head, justify="left" if index < counted.left else "right")
        for row in counted.rows:
            drawn.add_row(*(Text(printable(cell)) for cell in row))
        console().print(drawn, "")


def _readable(files: Sequence[Path], tools: str | None) -> list[LocatedCase]:
    """The cases of `files`, all of which must be readable."""
    from toolmark.suites.lint import located_cases

    rows, findings = located_cases(_named(files), tools)
    for finding in findings:
        if finding.kind == "schema":
            raise InputError(f"{finding.file}:{finding.line}: {finding.message}", "toolmark cases lint FILE lists all.")
    return rows


@app.command
def manifest(folder: Path) -> None:
    """Write the hashes of a folder's test queries into its MANIFEST.toml, against which trainers check their data."""
    (folder / "MANIFEST.toml").write_text(manifest_text(folder), encoding="utf-8")


@app.command(name="import")
def import_cases(
    source: str, *, out: Path, tools: str | None = None, split: Split = "test", skip_bad: bool = False
) -> None:
    """Convert other people's cases into a case file; conversations become the cases that they hold.

    Parameters
    ----------
    source:
        READER:PATH, as --cases takes it.
    out:
        The file to write: a .jsonl that is not there yet.
    tools:
        .py, module or .yaml with the tools, for readers whose rows only name them.
    split:
        Which split the cases are of.
    skip_bad:
        Leave out rows that cannot be read, and list them.
    """
    if out.suffix != ".jsonl":
        raise InputError(f"{out} is no case file", f"Name it {out.stem}.{split}.jsonl.")
    if out.exists():
        raise InputError(f"{out} is there already", "Name another file, or remove it first.")
    cases, skipped = load_cases(source, split, tools, skip_bad)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("x", encoding="utf-8") as stream:
            stream.writelines(case_line(case.model_copy(update={"split": split})) for case in cases)
    waived = sum(case.waiver is not None for case in cases)
    lines = [f"{len(cases)} cases to {out}"]
    lines += [f"{waived} of them are waived: their own gold does not hold"] * bool(waived)
    lines += [f"skipped {row.place}: {row.reason}" for row in skipped]
    lines += [f"{len(skipped)} rows skipped"] * bool(skipped)
    sys.stdout.write("\n".join(lines) + "\n")
