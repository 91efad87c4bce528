"""Write docs/report.png, a picture of the scores of SmolLM2 and of its adapter, from the shipped recordings."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.reports.html import Html

ROOT = Path(__file__).parents[1]
BASE, ADAPTER = (
    ROOT / "docs" / "replays" / "real-models" / f"authored-smollm2-{name}.jsonl.gz" for name in ("base", "own-1")
)
OUT = ROOT / "docs" / "report.png"


def main() -> None:
    """Write the screenshot. This needs Debian's chromium, and playwright."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or sys.exit("chromium is not installed. Run: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="toolmark-") as folder, sync_playwright() as playwright:
        page = Path(folder) / "report.html"
        request = Request(models=(str(ADAPTER),), baseline=str(BASE), cases=shipped_cases())
        Html().render(compare_recorded(request, report=True), page)
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser: Any = playwright.chromium.launch(executable_path=chromium, args=options)
        tab = browser.new_page(viewport={"width": 1000, "height": 900}, color_scheme="light")
        tab.goto(page.as_uri())
        tab.wait_for_selector("html[data-drawn=all]", state="attached")
        tab.locator("#figure-scores").screenshot(path=str(OUT))
        browser.close()


if __name__ == "__main__":
    main()
