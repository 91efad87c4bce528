"""Makes the manifest of a folder of cases: the hashes of the test queries, which must not be in training data."""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.user_toml import toml_table
from toolmark.benchmark.data.cases import query_hash
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.case_selection import case_files, load_cases
from toolmark.benchmark.readers.scenarios import kind_of_files, read_scenarios
from toolmark.benchmark.tools.worlds.world_names import WorldNames

__all__ = ["manifest_text"]

_SECTION = "[test_queries]"

_NEW_MANIFEST = """# Tools and questions that must not be in training data.
# Names of tools, for example ["send_email"]:
held_out_tools = []
"""


def manifest_text(folder: Path, tools: str | None = None, *, skip_bad: bool = False) -> tuple[str, list[BadRow]]:
    """Return the text of `MANIFEST.toml` in `folder`, with new hashes of test queries, and the rows that were left out.

    If there is a `MANIFEST.toml`, its text above the hashes is kept. Its key `scenarios` can name a folder of
    scenarios, relative to `folder`. `folder` itself can also contain scenarios instead of cases. The first turns of
    test scenarios are test queries, too. Later turns are not test queries, because many of them are as short as "Yes,
    please."

    Args:
        folder: The folder of the cases.
        tools: The toolboxes of the cases, or the world of the scenarios, in the form of the option `--tools`.
        skip_bad: Whether rows that cannot be read are left out.

    Raises:
        InputError: `folder` is not a folder, MANIFEST.toml is not TOML, or a file of cases or scenarios cannot be read.
    """
    path = folder / "MANIFEST.toml"
    if not folder.is_dir():
        raise InputError(
            f"{str(folder)!r} is not a folder", "Give the folder of your test cases: toolmark cases manifest FOLDER"
        )
    queries, skipped = _test_queries(folder, tools, skip_bad)
    kept = (path.read_text(encoding="utf-8") if path.is_file() else _NEW_MANIFEST).partition(_SECTION)[0].rstrip()
    try:
        scenarios = toml_table(kept).get("scenarios")
    except ValueError as error:
        raise InputError(f"{path} is not TOML: {error}", "Correct the syntax of the file.") from None
    if isinstance(scenarios, str):
        first, left_out = _first_turns(folder / scenarios, None, skip_bad)
        queries += first
        skipped += left_out
    hashes = sorted(set(map(query_hash, queries)))
    listed = "\n".join(f'  "{value}",' for value in hashes)
    return f"{kept}\n\n{_SECTION}\nhashes = [\n{listed}\n]\n", skipped


def _test_queries(folder: Path, tools: str | None, skip_bad: bool) -> tuple[list[str], list[BadRow]]:
    if kind_of_files(case_files(folder, "test")) == "scenarios":
        return _first_turns(folder, tools, skip_bad)
    cases, skipped = load_cases(str(folder), "test", tools, skip_bad)
    return [message.content for case in cases for message in case.messages if message.role == "user"], skipped


def _first_turns(folder: Path, tools: str | None, skip_bad: bool) -> tuple[list[str], list[BadRow]]:
    scenarios, skipped = read_scenarios(folder, "test", WorldNames(tools), skip_bad=skip_bad)
    return [scenario.turns[0].user for scenario in scenarios], skipped
