"""Tests `toolmark eval` in a folder outside the repository. One that starts cold is part of tests/wheel/walk.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolmark.benchmark.evaluation.options import OPTIONS

CASES = Path(__file__).parents[3] / "suites" / "cases" / "calls.dev.jsonl"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with files of the same names as Toolmark's folders, a conftest.py, and options of its own."""
    for name in ("benchmark", "suites", "reports"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong package')")
    (tmp_path / "conftest.py").write_text("raise SystemExit('the conftest.py of the project was run')")
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\naddopts = '--no-such-option'\n[tool.toolmark]\nlimit = 20\n"
    )
    return tmp_path


def test_a_project_s_own_files_are_left_alone_and_its_options_count(project, warm_without_torch):
    arguments = ("--model", "policy/oracle", "--cases", str(CASES))
    run = warm_without_torch.start("toolmark", "eval", *arguments, cwd=project).wait()
    assert run.returncode == 0, run.stdout + run.stderr
    assert "limit=20 ([tool.toolmark])" in run.stdout
    assert "timing.recall" in run.stdout
    assert (project / "runs").is_dir()
    assert not (project / ".pytest_cache").exists()


def test_exit_codes_are_those_of_pytest_suites(project, warm_without_torch):
    wrong = warm_without_torch.start("toolmark", "eval", "--model", "policy/orcale", cwd=project).wait()
    assert (wrong.returncode, wrong.stderr) == (4, "ERROR: no policy has the name 'orcale'. Did you mean oracle?\n")
    environment = {**os.environ, "TOOLMARK_MODEL": "policy/orcale"}
    again = warm_without_torch.start("toolmark", "eval", cwd=project, environment=environment).wait()
    assert (again.returncode, again.stderr) == (wrong.returncode, wrong.stderr)
    never = ("--model", "policy/never", "--cases", str(CASES), "--floor", "timing.recall=0.5", "-q")
    failed = warm_without_torch.start("toolmark", "eval", *never, cwd=project).wait()
    assert failed.returncode == 1
    assert "below the floor 0.5" in failed.stdout


def test_a_model_without_its_option_is_named(project, warm_without_torch):
    run = warm_without_torch.start("toolmark", "eval", "my model", "--limit", "4", cwd=project).wait()
    assert run.returncode == 4
    assert "'my model' is none. If it is a model, write: toolmark eval --model 'my model'" in run.stderr


def test_help_lists_every_option(warm_without_torch):
    run = warm_without_torch("eval", "--help")
    assert run.returncode == 0
    assert all(option.flag in run.stdout for option in OPTIONS)


def test_a_misspelt_option_is_answered_with_the_nearest_one(project, warm_without_torch):
    wrong = warm_without_torch.start(
        "toolmark", "eval", "--modle", "pocket", "--no-fresh", "--limt=3", cwd=project
    ).wait()
    assert wrong.returncode == 4
    assert wrong.stderr.endswith(
        "--modle is no option of toolmark eval. Did you mean --model?\n"
        "--limt is no option of toolmark eval. Did you mean --limit?\n"
    )
