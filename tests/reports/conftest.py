"""Comparisons of real grades on a few cases, and a real browser."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from toolmark.benchmark.data.cases import Case, Tool, Toolbox
from toolmark.benchmark.data.completions import Completion, Usage
from toolmark.benchmark.data.record import ChosenCheckpoint, CurvePoint, TrainingRecord
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.evaluation.report_data import gather
from toolmark.benchmark.scoring.grades import grade
from toolmark.benchmark.verdicts.comparison import Comparison, Side, compare_sides
from toolmark.benchmark.verdicts.report_data import Provenance
from toolmark.reports.html import Html

BOOK = Tool(
    name="book",
    description="Reserve a room in a town.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}, "nights": {"type": "integer"}}},
)
TOOLS = Toolbox(name="t", tools=(BOOK, Tool(name="cancel", description="Cancel it.")))
ROME = {"action": "call", "any_of": [{"calls": [{"name": "book", "arguments": {"city": ["Rome"], "nights": [2]}}]}]}
NONE = {"action": "abstain", "reason": "no_tool_fits"}
RIGHT = '{"name": "book", "arguments": {"city": "Rome", "nights": 2}}'
OSLO = '{"name": "book", "arguments": {"city": "Oslo", "nights": 2}}'
WORDS = "I cannot do that."
PROVENANCE = Provenance(
    "2026-11-22T12:00:00+00:00", "0.1.0", "1", "cases", "test", "0123456789abcdef", "toolmark report a"
)

IDENTITY = {
    "model": "m",
    "dialect": "json/1",
    "template": "t",
    "dtype": "float32",
    "decoding": {"temperature": 0.0},
}

Compared = Callable[..., Comparison]


def asked(question: str, expect: Mapping[str, Any] = ROME, **more: Any) -> Case:
    tools = more.pop("tools", TOOLS)
    given = {
        "messages": [{"role": "user", "content": question}],
        "toolbox": tools if question[-1:] != "1" else Toolbox(name="one", tools=tools.tools[:1]),
        "expect": expect,
        "tags": {"difficulty": "easy" if "easy" in question else "hard"},
        "source": {"name": "test", "ref": question[:20]},
        "licence": "none",
    }
    return Case.model_validate({**given, **more})


def compared(
    cases: Sequence[Case],
    answers: Mapping[str, Sequence[str | Completion]],
    *,
    baseline: bool = True,
    contestant: Mapping[str, Any] | None = None,
    provenance: Provenance = PROVENANCE,
) -> Comparison:
    """Candidates by name with an answer to every case, an empty list of them for none; the first is the baseline.

    `contestant` holds other values of the last one.
    """
    completions = {
        name: {
            (case.id, 1): text
            if isinstance(text, Completion)
            else Completion(text, usage=Usage(50, 1 + len(text) // 4))
            for case, text in zip(cases, texts, strict=False)
        }
        for name, texts in answers.items()
    }
    first, last = next(iter(answers)), next(reversed(answers))
    given = contestant or {}
    known = {field.name for field in fields(Side)}
    sides = [
        Side(
            name=name,
            grades=[grade(case, said[case.id, 1], Json()) for case in cases if (case.id, 1) in said],
            completions=said,
            baseline=first if baseline and name != first else None,
            run=f"run-{index}",
            identity=IDENTITY,
            environment={"python": "3.11"},
        )
        for index, (name, said) in enumerate(completions.items())
    ]
    sides[-1] = replace(sides[-1], **{name: value for name, value in given.items() if name in known})
    found = compare_sides(sides, report=gather(cases, sides, Json(), provenance))
    changed = replace(found[last], **{name: value for name, value in given.items() if name not in known})
    return replace(found, contestants=(*found.contestants[:-1], changed))


TRAINING = TrainingRecord(
    "lora",
    "toolmark train lora",
    12.5,
    600,
    frozenset({BOOK.schema_hash}),
    curve=(
        CurvePoint(1.0, 4_096.0, {"loss": 2.0, "eval_loss": 2.5}, {"selection.tool": 0.1}),
        CurvePoint(2.0, 8_192.0, {"loss": 1.0, "eval_loss": 1.5}, {"selection.tool": 0.3}),
    ),
    chosen=ChosenCheckpoint(2.0, "selection.tool", 0.3),
)


@pytest.fixture
def make() -> Compared:
    return compared


@pytest.fixture
def ask() -> Callable[..., Case]:
    return asked


@pytest.fixture
def three() -> Comparison:
    """A baseline and two candidates on thirty cases, with every kind of case and answer."""
    cases = [
        *(asked(f"{'easy' if index % 2 else 'plain'} room {index}") for index in range(20)),
        *(asked(f"no room {index}", NONE) for index in range(9)),
        asked("disputed", waiver="nobody agrees"),
    ]
    base = [RIGHT] * 4 + [OSLO] * 10 + [WORDS] * 6 + [WORDS] * 6 + [RIGHT] * 3 + [WORDS]
    mine = [WORDS] * 2 + [RIGHT] * 16 + [OSLO] * 2 + [WORDS] * 8 + [RIGHT, WORDS]
    other = [RIGHT] * 3 + [OSLO] * 9 + [json.dumps({"name": "cancel", "arguments": {}})] * 8 + [WORDS] * 9 + [RIGHT]
    return compared(cases, {"base": base, "other": other, "mine": mine}, contestant={"training": TRAINING})


# Not for the session: Playwright's loop would run on while other tests want one of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    # Chromium's own sandbox does not run as root; the pages are our own, and the network is off.
    with sync.sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Any) -> Callable[..., Any]:
    """`with opened(path) as page`: all figures are drawn; fails if the page logs an error or uses the network."""

    @contextmanager
    def opened(path: Path, fragment: str = "", width: int = 1280, **options: Any) -> Iterator[Any]:
        complaints: list[str] = []
        asked: list[str] = []
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{path.as_uri()}{fragment}")
        page.wait_for_selector("html[data-drawn=all]", state="attached")
        yield page
        assert complaints == []
        assert [url for url in asked if not url.startswith("file://")] == []
        assert page.evaluate("window.ran") is None
        context.close()

    return opened


@pytest.fixture
def page_of(tmp_path: Path) -> Callable[..., Path]:
    def page_of(comparison: Any) -> Path:
        Html().render(comparison, tmp_path / "report.html")
        return tmp_path / "report.html"

    return page_of
