"""Measure the cost of writing and opening a report of 100,000 cases; write docs/measurements/report-sizes.md.

The program fails if a limit is exceeded. The cases are the shipped cases, repeated with a number in the question. A
seeded draw decides which cases the base and the candidate answer correctly: a tenth is broken and a fifth is fixed.
Each measurement runs in a process of its own. The operating system counts the peak memory of the process, including
Python and libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from studies.page import Page
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion, Usage
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.evaluation.report_data import gather
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.scoring.gold import perfect
from toolmark.benchmark.scoring.grades import grade
from toolmark.benchmark.verdicts.comparison import Comparison, Side, compare_sides

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "measurements" / "report-sizes.md"

SECONDS, MEGABYTES, FILE_MB, PAINT = 20.0, 1_000.0, 8.0, 2.0
"""Limits: seconds to write, MB of memory, MB of the file, seconds until the browser's first paint."""

HEAD = """# What large reports cost, measured

Written by `make perf`. Seconds are the processor time of one process, except for the first paint.
"""


def asked_again(cases: list[Case], count: int) -> list[Case]:
    """Make `count` cases from the shipped cases. A number in each question makes all ids different."""
    found = []
    for number in range(count):
        case = cases[number % len(cases)]
        last = case.messages[-1]
        turn = last.model_copy(update={"content": f"{last.content} ({number})"})
        found.append(case.model_copy(update={"messages": (*case.messages[:-1], turn), "group": None}))
    return found


def compared(count: int) -> tuple[Comparison, dict[str, float]]:
    """Compare a base and a candidate; return the comparison and the seconds of each step."""
    shipped, _ = load_cases(str(ROOT / "suites" / "cases"))
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
    """Measure the seconds of each step, and the peak memory of this process in MB before and after writing."""
    from toolmark.benchmark.core.registry import renderer_for

    comparison, taken = compared(count)
    taken["before"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    start = time.process_time()
    renderer_for(out).render(comparison, Path(out))
    taken["write"] = time.process_time() - start
    taken["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return taken


def measured(count: int, out: str) -> dict[str, float]:
    """Run `written` in a process of its own."""
    command = [sys.executable, "-m", "studies.reports", "--cases", str(count), "--write", out]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(run.stdout)
    return found


def paints(pages: list[Path]) -> list[tuple[float, str]] | None:
    """Return the seconds until the first paint of each page, and the page's count of cases; None without a browser."""
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
    page = Page(HEAD + f"\nPython {platform.python_version()}, {platform.machine()}.\n")
    with tempfile.TemporaryDirectory(prefix="toolmark-") as folder:
        one, site = Path(folder) / "report.html", Path(folder) / "site"
        rows: list[list[str]] = []
        largest: dict[str, float] = {}
        for name, out in (("FILE.html", str(one)), ("DIR/", f"{site}/")):
            taken = measured(options.cases, out)
            steps = [f"{taken[step]:.1f}" for step in ("judge", "compare and gather", "write")]
            rows.append([name, *steps, f"{taken['before']:,.0f}", f"{taken['memory']:,.0f}"])
            largest = {key: max(largest.get(key, 0.0), value) for key, value in taken.items()}
        page.section(
            f"To write {options.cases:,} cases",
            "The table shows the seconds of each step, and the peak memory of the process in MB, before writing and "
            "at the end. The column `judge` is the time of the function `grade`, without running tools.",
            ["report", "judge", "compare and gather", "write", "memory before", "memory"],
            rows,
        )
        page.held(
            largest["write"] <= SECONDS,
            f"a report is written in at most {SECONDS:g} s",
            f"the most is {largest['write']:.1f} s",
        )
        page.held(
            largest["memory"] <= MEGABYTES,
            f"writing needs at most {MEGABYTES:,.0f} MB of memory",
            f"the most is {largest['memory']:,.0f} MB",
        )
        (beside,) = [path for path in site.iterdir() if path.is_dir()]
        index = beside / "index.html"
        painted = paints([one, index])
        sizes = [one.stat().st_size, index.stat().st_size + (site / "plotly.min.js").stat().st_size]
        others = [path.stat().st_size for path in beside.glob("cases-*.js")]
        page.section(
            "To open the report",
            "The column MB is the size of the page, including all files that the browser loads at the start. *First "
            "paint* is the time in seconds until the browser shows the page (the shortest of three tries, on a screen "
            "of 380 pixels). The last column quotes the page's own text about its cases. DIR contains the other cases "
            f"in {len(others)} files of at most {max(others, default=0) / 1e6:.1f} MB. The browser loads these files "
            "only when the reader asks for them.",
            ["report", "MB", "first paint", "it says"],
            [
                [name, f"{size / 1e6:.1f}", *([f"{at[0]:.2f}", at[1]] if at else ["no browser here", ""])]
                for name, size, at in zip(("FILE.html", "DIR/"), sizes, painted or [None, None], strict=True)
            ],
        )
        page.held(sizes[0] <= FILE_MB * 1e6, f"FILE has at most {FILE_MB:g} MB", f"{sizes[0] / 1e6:.2f} MB")
        if painted:
            slowest = max(at for at, _ in painted)
            page.held(slowest <= PAINT, f"a page is painted within {PAINT:g} s", f"the most is {slowest:.2f} s")
    options.out.write_text("\n".join(page.text), encoding="utf-8")
    if page.broken:
        sys.exit("Not kept:\n" + "\n".join(page.broken))


if __name__ == "__main__":
    main()
