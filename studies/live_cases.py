"""Reads BFCL's live cases, and writes how many are waived and proved. `conformance.py` writes the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studies.page import Page, percent
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.readers.bfcl import CATEGORIES
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.scoring.gold import perfect
from toolmark.benchmark.scoring.grades import grade

__all__ = ["LiveFile", "live_files", "live_sections"]

WAIVED = 0.015
"""Target for the share of waived live cases."""

_KINDS: Mapping[str, str] = {
    " is not one of ": "a value that the `enum` does not contain",
    " is not of type ": "a value of another type",
    " is a required property": "a required argument without a value",
    " does not declare": "an argument that the tool does not declare",
}


@dataclass(frozen=True, slots=True)
class LiveFile:
    """How one file of BFCL's live cases is read.

    Attributes:
        category: The category.
        rows: Number of rows.
        cases: Number of different cases.
        waivers: For each waived case, its reference and the reason.
        proved: Number of the other cases for which our judge accepts every perfect answer.
    """

    category: str
    rows: int
    cases: int
    waivers: tuple[tuple[str, str], ...]
    proved: int


def live_files(folder: Path) -> list[LiveFile]:
    """Return how the files of BFCL's live cases are read."""
    found: list[LiveFile] = []
    for path in sorted(folder.glob("BFCL_v4_live_*.json")):
        category = path.stem.removeprefix("BFCL_v4_")
        if category not in CATEGORIES:
            continue
        cases, skipped = load_cases(f"bfcl:{path}", skip_bad=True)
        sound = [case for case in cases if case.waiver is None]
        waivers = tuple((case.source.ref, case.waiver) for case in cases if case.waiver is not None)
        proved = sum(_proved(case) for case in sound)
        found.append(LiveFile(category, len(cases) + len(skipped), len(cases), waivers, proved))
    return found


def _proved(case: Case) -> bool:
    options = len(case.expect.any_of) if case.expect.action == "call" else 1
    return all(grade(case, perfect(case, Json(), option), Json()).correct for option in range(options))


def live_sections(page: Page, found: Sequence[LiveFile]) -> None:
    """Write the sections about live cases."""
    waived, cases = sum(len(file.waivers) for file in found), sum(file.cases for file in found)
    page.section(
        "Live cases",
        "The files `live_*` of BFCL contain questions of users. Rows with the same messages and tools count as one "
        "case. If no right answer of BFCL fits the schema of the tool, Toolmark waives the case. No metric includes a "
        "waived case. In all other cases, our judge should accept every right answer of BFCL. The column `proved` "
        "counts the cases for which our judge does so.",
        ["category", "rows", "cases", "waived", "proved"],
        [
            *(
                [
                    file.category,
                    f"{file.rows:,}",
                    f"{file.cases:,}",
                    f"{len(file.waivers)} ({percent(len(file.waivers) / file.cases)})",
                    f"{file.proved:,} of {file.cases - len(file.waivers):,}",
                ]
                for file in found
            ),
            [
                "all",
                f"{sum(file.rows for file in found):,}",
                f"{cases:,}",
                f"{waived} ({percent(waived / cases)})",
                f"{sum(file.proved for file in found):,} of {cases - waived:,}",
            ],
        ],
    )
    page.held(
        waived / cases <= WAIVED,
        f"At most {percent(WAIVED)} of BFCL's live cases are allowed to be waived",
        percent(waived / cases, 2),
    )
    reasons = Counter(_kind(reason) for file in found for _, reason in file.waivers)
    page.section(
        "Waived live cases",
        "In a waived case, no right answer of BFCL fits the schema of the tool. The table shows why.",
        ["what is wrong", "waived", "cases"],
        [
            [kind, str(count), ", ".join(ref for file in found for ref, why in file.waivers if _kind(why) == kind)]
            for kind, count in reasons.most_common()
        ],
    )


def _kind(reason: str) -> str:
    """Return the kind of a waiver without the values, which must not be copied."""
    return next((kind for words, kind in _KINDS.items() if words in reason), "another violation of the schema")
