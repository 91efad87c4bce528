"""Measures the time, memory and size of a report of 100,000 cases, and writes docs/measurements/report-sizes.md.

The program fails if a limit is exceeded. The cases are copies of the shipped cases, with a number in each question. A
seeded random number decides whether base and candidate answer a case right: 10% of the cases are broken, 20% are fixed.

Each measurement runs in its own process. The peak memory of the process includes Python and the libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from studies.page import Page
from studies.peak_memory import peak_bytes
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion, Usage
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.evaluation.report_data import gather
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.scoring.gold import perfect
from toolmark.benchmark.scoring.grades import grade
from toolmark.benchmark.verdicts.comparison import Comparison, Side, compare_sides

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "measurements" / "report-sizes.md"

SECONDS, MEGABYTES, FILE_MB, PAINT = 20.0, 1_000.0, 8.0, 2.0
"""Limits: seconds to write a report, MB of memory, MB of the file, seconds until the browser shows the page."""

HEAD = """# Time, memory and size of large reports

Written by `make perf`. All times are in seconds. `first paint` is wall-clock time. The other times are processor time
of one process.
"""


def asked_again(cases: list[Case], count: int) -> list[Case]:
    """Return `count` copies of the shipped cases. Because of a number in each question, all ids are different."""
    found = []
    for number in range(count):
        case = cases[number % len(cases)]
        last = case.messages[-1]
        turn = last.model_copy(update={"content": f"{last.content} ({number})"})
        found.append(case.model_copy(update={"messages": (*case.messages[:-1], turn), "group": None}))
    return found


def compared(count: int) -> tuple[Comparison, dict[str, float]]:
    """Compare a base and a candidate. Return the comparison and the seconds of each step."""
    shipped, _ = load_cases(shipped_cases())
    cases = asked_again([case for case in shipped if case.waiver is None], count)
    dialect, draw = Tagged(), random.Random(0)
    start = time.process_time()
    wrong = "I would rather not say, for reasons that I shall explain at some length in what follows here."
    completions, grades = [], []
    fates = [draw.random() for _ in cases]
    for right in (lambda fate: fate < 0.5, lambda fate: 0.1 <= fate < 0.7):
        said = {}
        for case, fate in zip(cases, fates, strict=True):
            answer = perfect(case, dialect) if right(fate) else Completion(wrong)
            said[case.id, 1] = replace(answer, usage=Usage(900, 40, seconds=0.01))
        completions.append(said)
        grades.append([grade(case, said[case.id, 1], dialect) for case in cases])
    judged = time.process_time()
    sides = [
        Side(
            name=name,
            grades=rows,
            completions=said,
            baseline=baseline,
            run=f"{name}-0123abcd",
            identity={"dialect": "tagged/1", "template": "t", "dtype": "float32", "decoding": {"temperature": 0.0}},
            environment={"python": platform.python_version()},
        )
        for name, rows, said, baseline in zip(("base", "mine"), grades, completions, (None, "base"), strict=True)
    ]
    found = compare_sides(sides, report=gather(cases, sides, dialect))
    return found, {
        "judge": judged - start,
        "compare and gather": time.process_time() - judged,
    }


def written(count: int, out: str) -> dict[str, float]:
    """Write a report. Return the seconds of each step, and the peak memory in bytes before and after writing."""
    from toolmark.benchmark.core.registry import renderer_for

    comparison, taken = compared(count)
    taken["before"] = peak_bytes()
    start = time.process_time()
    renderer_for(out).render(comparison, Path(out))
    taken["write"] = time.process_time() - start
    taken["memory"] = peak_bytes()
    return taken


def measured(count: int, out: str) -> dict[str, float]:
    """Run `written` in a new process, and return its measurements."""
    command = [sys.executable, "-m", "studies.reports", "--cases", str(count), "--write", out]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(run.stdout)
    return found


def paints(pages: list[Path]) -> list[tuple[float, str]] | None:
    """Open each page in a browser.

    Returns:
        For each page, the seconds until the browser shows the page, and the line on the page that counts the cases.
        None if no browser is installed.
    """
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        return None
    found = []
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser: Any = playwright.chromium.launch(executable_path=chromium, args=options)
        for page in pages:
            seen = []
            for _ in range(3):
                tab = browser.new_context(viewport={"width": 380, "height": 800}, offline=True).new_page()
                tab.goto(page.as_uri())
                tab.wait_for_selector("html[data-drawn=all]", state="attached")
                entries = "performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime)"
                seen += tab.evaluate(entries)
                said = tab.locator("#count").inner_text()
                tab.context.close()
            found.append((min(seen) / 1000, said))
        browser.close()
    return found


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--write", help="write one report to this path and print the measurements")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    if options.write:
        print(json.dumps(written(options.cases, options.write)))  # noqa: T201
        return
    page = Page(HEAD + f"\nMeasured with Python {platform.python_version()} on {platform.machine()}.\n")
    with tempfile.TemporaryDirectory(prefix="toolmark-") as folder:
        one, site = Path(folder) / "report.html", Path(folder) / "site"
        rows: list[list[str]] = []
        largest: dict[str, float] = {}
        for name, out in (("FILE.html", str(one)), ("DIR/", f"{site}/")):
            taken = measured(options.cases, out)
            steps = [f"{taken[step]:.1f}" for step in ("judge", "compare and gather", "write")]
            rows.append([name, *steps, f"{taken['before'] / 1e6:,.0f}", f"{taken['memory'] / 1e6:,.0f}"])
            largest = {key: max(largest.get(key, 0.0), value) for key, value in taken.items()}
        page.section(
            f"Writing a report of {options.cases:,} cases",
            "A report is one file (`FILE.html`) or a folder with several files (`DIR/`). The columns `judge`, "
            "`compare and gather` and `write` show the seconds of each step. No tool is run. The last two columns "
            "show the peak memory of the process in MB, before the step `write` and after this step.",
            ["report", "judge", "compare and gather", "write", "memory before", "memory"],
            rows,
        )
        page.held(
            largest["write"] <= SECONDS,
            f"Toolmark must write a report in at most {SECONDS:g} s",
            f"at most {largest['write']:.1f} s",
        )
        page.held(
            largest["memory"] <= MEGABYTES * 1e6,
            f"Toolmark must need at most {MEGABYTES:,.0f} MB of memory to write a report",
            f"at most {largest['memory'] / 1e6:,.0f} MB",
        )
        (beside,) = [path for path in site.iterdir() if path.is_dir()]
        index = beside / "index.html"
        painted = paints([one, index])
        sizes = [one.stat().st_size, index.stat().st_size + (site / "plotly.min.js").stat().st_size]
        others = [path.stat().st_size for path in beside.glob("cases-*.js")]
        page.section(
            "Opening the report",
            f"- **MB**: the size of all files that the browser loads at first. In `DIR/`, {len(others)} more files of "
            f"at most {max(others, default=0) / 1e6:.1f} MB contain the other cases. The browser loads such a file "
            "only when the reader asks for its cases.\n"
            "- **first paint**: the seconds until the browser shows the page, on a screen with a width of 380 pixels. "
            "The shortest of three times is shown.\n"
            "- **text of the page**: what the page says about the number of its cases.",
            ["report", "MB", "first paint", "text of the page"],
            [
                [name, f"{size / 1e6:.1f}", *([f"{at[0]:.2f}", at[1]] if at else ["no browser here", ""])]
                for name, size, at in zip(("FILE.html", "DIR/"), sizes, painted or [None, None], strict=True)
            ],
        )
        page.held(sizes[0] <= FILE_MB * 1e6, f"FILE.html must have at most {FILE_MB:g} MB", f"{sizes[0] / 1e6:.2f} MB")
        if painted:
            slowest = max(at for at, _ in painted)
            page.held(slowest <= PAINT, f"The browser must show a page within {PAINT:g} s", f"at most {slowest:.2f} s")
    page.finish(options.out)


if __name__ == "__main__":
    main()
