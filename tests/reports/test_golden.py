"""The same recordings give the same figures: tables, drawings and cases of reports that an earlier version wrote.

What is kept is read from the written files alone, so it holds whatever the code inside is called:

    python -m tests.reports.test_golden    writes the golden files anew
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.forked.commands import WITHOUT_TORCH, Commands, running

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
GOLDEN = Path(__file__).with_name("golden")
POCKET = ROOT / "docs" / "replays" / "pocket.jsonl.gz"
RECORDED = sorted((DATA / "bfcl_recorded").glob("*.jsonl.gz"))


def pocket_and_policy(commands: Commands, folder: Path, *limit: str) -> list[str]:
    """A policy compared with the shipped answers of pocket: every verdict occurs."""
    suites = [str(ROOT / "suites"), "--model", "policy/lexical", "--runs", str(folder / "runs"), *limit]
    suites += ["-k", "not gold"]
    commands.start("pytest", "-q", "-p", "no:cacheprovider", *suites).wait().check_returncode()
    (run,) = (folder / "runs").iterdir()
    return [str(run), "--baseline", f"replay/{POCKET}"]


def sample_of_both(commands: Commands, folder: Path) -> list[str]:
    """The same with 100 cases."""
    run, flag, _ = pocket_and_policy(commands, folder, "--limit", "100")
    asked = {json.loads(row).get("case_id") for row in (Path(run) / "ledger.jsonl").read_text("utf-8").splitlines()}
    with (
        gzip.open(POCKET, "rt", encoding="utf-8") as answers,
        (folder / "pocket.jsonl").open("w", encoding="utf-8") as kept,
    ):
        kept.writelines(row for row in answers if json.loads(row).get("case_id") in asked)
    return [run, flag, f"replay/{folder / 'pocket.jsonl'}"]


def four_models(_: Commands, __: Path) -> list[str]:
    """The answers of four models to the cases of BFCL."""
    baseline, *others = map(str, RECORDED)
    return [*others, "--baseline", baseline, "--cases", f"bfcl:{DATA / 'bfcl'}"]


COMPARISONS = {"sample": sample_of_both, "pocket": pocket_and_policy, "recorded": four_models}
LONG = ("pocket", "recorded")


def report(commands: Commands, arguments: list[str], out: Path) -> None:
    commands.start("toolmark", "report", *arguments, "--out", str(out)).wait().check_returncode()


def rounded(text: str) -> str:
    """A cell of a table; figures to twelve digits, which every processor computes alike."""
    try:
        return f"{float(text):.12g}"
    except ValueError:
        return text


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            {
                name.replace("minimum_detectable_effect", "smallest_detectable"): rounded(cell)
                for name, cell in row.items()
                if name not in ("run", "candidate", "baseline")
            }
            for row in csv.DictReader(stream)
        ]


def embedded(page: str, name: str) -> Any:
    return json.loads(re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)[1])


def numbers(value: Any) -> Iterator[str]:
    """Every number that a drawing places, in its order."""
    match value:
        case dict():
            for key, inner in value.items():
                if key in ("x", "y", "z", "array", "arrayminus", "data", "variants", "error_x", "error_y"):
                    yield from numbers(inner)
        case list():
            for inner in value:
                yield from numbers(inner)
        case float() if math.isfinite(value):
            yield f"{value:.9g}"
        case int():
            yield f"{float(value):.9g}"


def calls(shown: list[dict[str, Any]]) -> list[Any]:
    return [
        [call["name"], call["fault"], [[one["name"], one["value"], one["fault"]] for one in call["arguments"]]]
        for call in shown
    ]


def case(shown: dict[str, Any]) -> list[Any]:
    answers = [
        answer and [answer["right"], answer["cause"], answer["text"], calls(answer["calls"])]
        for answer in shown["answers"]
    ]
    return [shown["id"], shown["fates"], calls(shown["expected"]), answers]


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def figures(commands: Commands, arguments: list[str], folder: Path) -> dict[str, Any]:
    report(commands, arguments, folder / "report.csv")
    report(commands, arguments, folder / "report.html")
    page = (folder / "report.html").read_text(encoding="utf-8")
    drawn = embedded(page, "data")["figures"]
    rows = table(folder / "report.csv")
    return {
        # Seconds are of the day on which a run was made.
        "drawings": {name: digest(list(numbers(shown))) for name, shown in drawn.items() if name != "spent"},
        "cases": digest(sorted(map(case, embedded(page, "case-data")))),
        "table": digest(rows),
        "primary": [row for row in rows if row["level"] == "primary"],
    }


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in COMPARISONS]
)
def test_the_figures_are_those_of_an_earlier_version(name, tmp_path, warm_without_torch):
    if name == "recorded" and len(RECORDED) != 4:
        pytest.skip("the recorded answers of four models are not at hand")
    arguments = COMPARISONS[name](warm_without_torch, tmp_path)
    assert figures(warm_without_torch, arguments, tmp_path) == json.loads((GOLDEN / f"{name}.json").read_text())


if __name__ == "__main__":
    for name, arguments in COMPARISONS.items():
        with TemporaryDirectory() as folder, running(Path(folder), *WITHOUT_TORCH) as forks:
            found = figures(forks, arguments(forks, Path(folder)), Path(folder))
        (GOLDEN / f"{name}.json").write_text(json.dumps(found, indent=0) + "\n")
