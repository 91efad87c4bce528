"""The README tells the truth: its table is recomputed from the shipped recordings, and its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.reports.markdown import Markdown

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_table_is_what_the_shipped_recordings_give():
    words, table = re.search(r"<!-- table: toolmark compare (.*?) -->\n(.*?)\n<!-- end -->", README, re.DOTALL).groups()
    baseline, candidate = (str(ROOT / path) for path in words.split())
    differences = Markdown().text(compare_recorded(Request(models=(candidate,), baseline=baseline))).split("\n\n")[1]
    assert differences == table


def test_the_commands_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_it_fits_a_screen():
    assert len(README.splitlines()) <= 70
