"""The hooks for pre-commit find what they look for, with the arguments that docs/guide/ci.md shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.forked.commands import Commands
from tests.github.runner import read_yaml
from tests.trainers.made import dataset, traces
from tests.wheel.walk import source

ROOT = Path(__file__).parents[2]
CASES = ROOT / "suites" / "cases"
PAGE = (ROOT / "docs" / "guide" / "ci.md").read_text()
HOOKS: dict[str, dict[str, Any]] = {
    hook["id"]: hook for hook in read_yaml((ROOT / ".pre-commit-hooks.yaml").read_text())
}
CONFIGURATION = re.search(r"```yaml\n(# \.pre-commit-config\.yaml.*?)```", PAGE, re.DOTALL)[1]
ARGS: dict[str, list[str]] = {hook["id"]: hook["args"] for hook in read_yaml(CONFIGURATION)["repos"][0]["hooks"]}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with cases and training data in which nothing is found."""
    folder = tmp_path / "mine"
    (folder / "data").mkdir(parents=True)
    (folder / "cases").mkdir()
    for file in ("already_answered.dev.jsonl", "tools.yaml"):
        shutil.copy(CASES / file, folder / "cases")
    dataset(folder / "data" / "mine", traces())
    return folder


def spoil(repository: Path) -> None:
    """A case without its conversation, and conversations that are there twice."""
    cases = repository / "cases" / "already_answered.dev.jsonl"
    first, *rest = cases.read_text().splitlines(keepends=True)
    cases.write_text(first.replace('"messages"', '"massages"') + "".join(rest))
    shutil.rmtree(repository / "data" / "mine")
    dataset(repository / "data" / "mine", [*traces(), *traces()])


def test_every_hook_is_documented_and_meets_the_files_of_its_folder(repository):
    assert set(ARGS) == set(HOOKS)
    for name, hook in HOOKS.items():
        folder = repository / ARGS[name][0]
        files = [str(file.relative_to(repository)) for file in folder.rglob("*") if file.is_file()]
        assert [file for file in files if re.search(hook["files"], file)], name


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_fails_if_something_is_found(repository, warm: Commands, name):
    door, *arguments = [*HOOKS[name]["entry"].split(), *ARGS[name]]
    clean = warm.start(door, *arguments, cwd=repository).wait()
    assert clean.code == 0, clean.said
    spoil(repository)
    assert warm.start(door, *arguments, cwd=repository).wait().code == 1


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def committed(folder: Path) -> Path:
    git(folder, "init")
    git(folder, "add", "--force", ".")
    git(folder, "commit", "-m", "everything")
    return folder


@pytest.mark.slow
def test_pre_commit_installs_and_runs_the_hooks(repository, tmp_path):
    """Needs a package index, from which pre-commit installs Toolmark and what it needs."""
    pytest.importorskip("pre_commit")
    hooks = committed(source(tmp_path / "toolmark"))
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=hooks, text=True).strip()
    here = re.sub(r"repo: \S+", f"repo: {hooks}", re.sub(r"rev: \S+", f"rev: {head}", CONFIGURATION))
    (repository / ".pre-commit-config.yaml").write_text(here)
    committed(repository)
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home")}

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pre_commit", "run", "--all-files"]
        return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)

    clean = run()
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert clean.stdout.count("Passed") == len(HOOKS)
    spoil(repository)
    git(repository, "add", ".")
    found = run()
    assert found.returncode == 1
    assert found.stdout.count("Failed") == len(HOOKS), found.stdout
    assert "already_answered.dev.jsonl:1: schema:" in found.stdout
    assert "not clean" in found.stdout
