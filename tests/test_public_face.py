"""`import toolmark`: quick, and all that a third party needs."""

from __future__ import annotations

import json
import subprocess
import sys

import toolmark
from toolmark.benchmark.plugins import protocols

HEAVY = ("torch", "inspect_ai", "pydantic", "toolmark.benchmark")


def test_every_name_is_there():
    assert {name: getattr(toolmark, name) for name in toolmark.__all__}
    assert set(dir(toolmark)) >= set(toolmark.__all__)
    assert set(toolmark.__all__) >= set(protocols.__all__)
    assert toolmark.Dialect is protocols.Dialect


def test_importing_it_imports_nothing_heavy():
    code = f"import sys, json, toolmark; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(run.stdout) == []


def test_candidates_are_evaluated_and_recorded_runs_compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (
        toolmark.evaluate(toolmark.Request(models=(f"policy/{name}",), limit=60), logs=False).contestants[0]
        for name in ("never", "oracle")
    )
    assert (first.figures["timing.recall"].score, second.figures["timing.recall"].score) == (0, 1)
    comparison = toolmark.compare(f"runs/{first.run}", f"runs/{second.run}")
    (compared,) = comparison.compared
    assert compared.differences["timing.recall"].verdict == "improved"


def test_a_script_needs_no_main_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import toolmark\n"
        "comparison = toolmark.evaluate(toolmark.Request(models=('policy/oracle',), limit=20), logs=False)\n"
        "print(comparison.contestants[0].figures['validity.call'].score)\n"
    )
    command = [sys.executable, script]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, run.stdout.splitlines()) == (0, ["1.0"]), run.stderr
