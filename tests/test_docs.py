"""What the documentation shows does what it says."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolmark.benchmark.core.registry import names
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import limited, load_cases
from toolmark.benchmark.runs.ledger import Ledger

ROOT = Path(__file__).parent.parent
CASES = ROOT / "suites" / "cases" / "calls.dev.jsonl"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
CASES_DOC = (ROOT / "docs" / "guide" / "cases.md").read_text()


def recorded(folder: Path, right: int) -> Path:
    """A run in which the first `right` of twelve cases are answered with an unknown tool, and the rest in words."""
    cases = limited(load_cases(str(CASES))[0], 12)
    with Ledger(folder) as ledger:
        ledger.open_session({"identity": {"dialect": "tagged/1"}, "environment": {}})
        for index, case in enumerate(cases):
            text = '<tool_call>{"tool_name": "no_such_tool", "args": {}}</tool_call>' if index < right else "No."
            ledger.append([(str(index), case.id, 1, Completion(text))])
    return folder


def test_the_script_recomputes_every_figure_of_the_summary(tmp_path):
    (script,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "guide" / "verdicts.md").read_text(), re.DOTALL)
    assert len([line for line in script.splitlines() if line.strip()]) <= 11
    baseline, candidate = recorded(tmp_path / "base", right=2), recorded(tmp_path / "mine", right=9)
    command = [sys.executable, "-c", script, str(baseline), str(candidate), str(CASES)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    comparison = compare_recorded(Request(models=(str(candidate),), baseline=str(baseline), cases=str(CASES)))
    first, second = comparison.contestants
    difference = second.differences["timing.recall"]
    assert (difference.n, difference.wins, difference.losses) == (12, 7, 0)
    assert len(run.stdout.splitlines()) == len(comparison.metrics)
    figures = [*first.figures.values(), *second.figures.values(), *second.differences.values()]
    assert all(str(figure) in run.stdout for figure in figures)


def test_every_kind_of_finding_probe_and_policy_is_documented():
    from toolmark.benchmark.policies.trivial import POLICIES
    from toolmark.benchmark.readers import probes
    from toolmark.suites.lint import KINDS

    text = CASES_DOC
    policies = (f"policy/{name}" for name in POLICIES)
    assert not [name for name in (*KINDS, *probes.KINDS, *policies) if f"`{name}`" not in text]


def test_five_points_take_as_many_cases_as_the_docs_say():
    from toolmark.benchmark.verdicts.power import minimum_detectable_effect

    text = " ".join(CASES_DOC.split())
    (cases, below) = re.search(r"From (\d+) cases on, this effect is below (\d+) points", text).groups()
    enough, fewer = (minimum_detectable_effect(n, 0.1) for n in (int(cases), int(cases) - 10))
    assert enough < int(below) / 100 < fewer


def test_every_reader_is_in_its_page():
    page = (ROOT / "docs" / "guide" / "readers.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(names("toolmark.readers"))


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    titles = re.findall(r"^#+ (.*)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_every_page_is_one_click_from_an_index():
    for folder in ("guide", "measurements"):
        pages = {page.name for page in (ROOT / "docs" / folder).glob("*.md")} - {"index.md"}
        assert pages <= set(re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs" / folder / "index.md").read_text()))


def prose(study: Path) -> Iterator[str]:
    """What a study writes at the head of its page and below the headings, without the parts that hold figures."""
    for node in ast.walk(ast.parse(study.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="section"), args=[title, promise, *_]):
                yield from texts(title)
                yield from texts(promise)
            case ast.Assign(targets=[ast.Name(id="HEAD" | "LEARNT")], value=value):
                yield from texts(value)


def texts(node: ast.expr) -> Iterator[str]:
    values = node.values if isinstance(node, ast.JoinedStr) else [node]
    yield from (value.value for value in values if isinstance(value, ast.Constant))


@pytest.mark.parametrize("study", sorted((ROOT / "studies").glob("*.py")), ids=lambda study: study.stem)
def test_the_measured_pages_hold_the_prose_of_their_studies(study):
    pages = " ".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "measurements").glob("*.md"))
    written = " ".join(pages.split())
    assert not [text for text in prose(study) if " ".join(text.split()) not in written]
