"""The Python examples of the guide do what it says; the trainer is in tests/trainers/test_third_party.py."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.data.held_out import HeldOut
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.plugins.protocols import BadRow, Case, Dialect, Generator, Reader, Renderer
from toolmark.benchmark.readers.case_selection import limited, load_cases
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.gold import GoldProof
from toolmark.benchmark.scoring.metrics import PRIMARY
from toolmark.benchmark.tools.catalog import catalog
from toolmark.generators.pipeline import generate

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "guide" / "plugins.md").read_text(encoding="utf-8")
SHOWN = {
    group: (code, attribute)
    for code, group, attribute in re.findall(
        r'```python\n(.*?)```\n\n```toml\n\[project\.entry-points\."toolmark\.(\w+)"\]\n[\w-]+ = "\w+:(\w+)"\n```',
        PAGE,
        re.DOTALL,
    )
}


def shown(group: str):
    """The object that the page registers in a group, made from the page's own code."""
    code, attribute = SHOWN[group]
    module = ModuleType(f"documented_{group}")
    exec(compile(code, "docs/guide/plugins.md", "exec"), module.__dict__)
    return getattr(module, attribute)()


def test_there_is_an_example_of_each_kind():
    assert set(SHOWN) == {"dialects", "readers", "generators", "trainers", "renderers"}
    assert len(SHOWN) == PAGE.count("```python")


def test_the_dialect_writes_and_reads_every_right_answer():
    dialect = shown("dialects")
    assert isinstance(dialect, Dialect)
    cases = limited(load_cases(str(ROOT / "suites" / "cases"), "dev")[0], 60)
    with Executor("pure") as executor:
        proof = GoldProof(cases, dialect, executor)
        assert [fault for metric in PRIMARY for fault in proof.faults(metric.id)] == []


@pytest.mark.parametrize("text", ["", "CALL", "CALL ", "CALL f", "CALL f [1]", "CALL f " + "[" * 100_000, "<think>"])
@pytest.mark.parametrize("strict", [True, False])
def test_the_dialect_never_raises(text, strict):
    assert shown("dialects").parse(Completion(text), strict=strict).calls == ()


def test_the_reader_reads_cases_and_names_a_bad_row(tmp_path):
    reader = shown("readers")
    assert isinstance(reader, Reader)
    file = tmp_path / "few.txt"
    file.write_text('How many words? | word_count | {"text": "a b"}\nHello! | | \nnothing here\n', encoding="utf-8")
    call, abstain, bad = reader.read(file)
    assert isinstance(call, Case)
    assert call.expect.tool == "word_count"
    assert isinstance(abstain, Case)
    assert abstain.expect.action == "abstain"
    assert isinstance(bad, BadRow)
    assert bad.place == f"{file}:3"


def test_the_generator_fills_a_dataset(tmp_path):
    generator = shown("generators")
    assert isinstance(generator, Generator)
    report = generate(generator, generator.Options(count=40), 1, catalog(), tmp_path / "data", HeldOut())
    assert report.proposed == 40
    assert set(report.counts) == {"train", "validation", "test"}
    assert sum(report.counts.values()) > 20
    assert load_cases(str(tmp_path / "data"))[0]


def test_the_renderer_writes_every_primary_metric(tmp_path, capsys):
    renderer = shown("renderers")
    assert isinstance(renderer, Renderer)
    comparison = evaluate(Request(models=("policy/first",), limit=12, runs=tmp_path), logs=False)
    out = tmp_path / f"scores{renderer.suffixes[0]}"
    renderer.render(comparison, out)
    written = out.read_text(encoding="utf-8")
    assert [line.split()[0] for line in written.splitlines()] == [metric.id for metric in PRIMARY]
    capsys.readouterr()
    renderer.render(comparison, None)
    assert capsys.readouterr().out == written


def test_the_python_page_runs(tmp_path):
    page = (ROOT / "docs" / "guide" / "python.md").read_text(encoding="utf-8")
    example, request, _ = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    script = tmp_path / "example.py"  # a file, because a worker process imports it again
    script.write_text(f"{example}    {request}", encoding="utf-8")
    run = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert "policy/first timing.recall 72 1.0" in run.stdout
    assert "regressed" in run.stdout
