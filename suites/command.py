"""`toolmark cases …`: commands about case files."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from benchmark.cases import query_hash
from benchmark.errors import InputError
from benchmark.readers.selection import load_cases

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
def manifest(folder: Path) -> None:
    """Write the hashes of a folder's test queries into its MANIFEST.toml, against which trainers check their data."""
    (folder / "MANIFEST.toml").write_text(manifest_text(folder), encoding="utf-8")
