"""The README tells the truth: its table is recomputed from the shipped replay, and its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

from toolmark.benchmark.evaluation.session import Request, Session
from toolmark.reports.markdown import Markdown

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_table_is_what_the_shipped_replay_gives(tmp_path):
    command, table = re.search(r"<!-- table: (.*?) -->\n(.*?)\n<!-- end -->", README, re.DOTALL).groups()
    spec = command.rpartition("--model ")[2]
    session = Session(Request(models=(spec,), cases=str(ROOT / "suites" / "cases"), runs=tmp_path))
    session.open()
    for run in session.runs:
        session.generate(run, lambda *_: None)
    assert Markdown().text(session.judge(logs=False)) == table


def test_the_commands_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_it_fits_a_screen():
    assert len(README.splitlines()) <= 70
