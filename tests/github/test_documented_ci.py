"""The workflows and hooks of docs/guide/ci.md work as they stand there.

The workflow runs in a repository that has the adapter and the baseline at the documented places. Only the model is
another one.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.github.conftest import ACTION, Act, N
from tests.github.runner import Runner, bash_environment, read_yaml
from toolmark.benchmark.core.errors import EnvironmentFault, InputError, NothingToDo, ToolmarkError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guide" / "ci.md").read_text()
BLOCKS = [read_yaml(block) for block in re.findall(r"^ *```yaml\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)]
"""The YAML of the page: the workflow, steps to add, and files of other systems."""


def steps(block: Any) -> list[dict[str, Any]]:
    """The steps of a workflow, or a block of steps; none of another system."""
    if isinstance(block, list):
        return block
    return block.get("jobs", {}).get("toolmark", {}).get("steps", [])


OURS = [step for block in BLOCKS for step in steps(block) if step.get("uses", "").startswith("OWNER/toolmark@")]


def test_every_input_of_the_action_is_documented_with_its_default():
    inputs, _, _ = PAGE.partition("| hook |")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.*?) \|", inputs, re.MULTILINE))
    assert set(rows) == set(ACTION["inputs"])
    for name, one in ACTION["inputs"].items():
        if one.get("required"):
            assert rows[name] == "required"
        elif one["default"] and not one["default"].startswith("https:"):
            assert rows[name] == f"`{one['default']}`"
    assert len(OURS) == 3
    assert all(set(step["with"]) <= set(ACTION["inputs"]) for step in OURS)


def test_the_actions_are_those_that_the_action_and_our_own_workflow_use():
    """A version that is raised in one place is raised in all."""
    versions: dict[str, set[str]] = {}
    for file in ("action.yml", ".github/workflows/tests.yml", "docs/guide/ci.md"):
        found = re.findall(r"uses: (actions/[\w-]+)\S*?@(v\d+)", (ROOT / file).read_text())
        assert found, file
        for name, version in found:
            versions.setdefault(name, set()).add(version)
    assert not {name: found for name, found in versions.items() if len(found) > 1}


def test_every_exit_code_is_documented():
    documented = set(map(int, re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)))
    ours = {error.exit_code for error in (ToolmarkError, InputError, NothingToDo, EnvironmentFault)}
    assert documented == {0, 1, 2} | ours


def job(tmp_path: Path, **contexts: Any) -> Runner:
    """A job that has a `gh` that says with which words it was called."""
    (tmp_path / "bin").mkdir(exist_ok=True)
    gh = tmp_path / "bin" / "gh"
    gh.write_text('#!/bin/sh\nprintf "gh"; printf " <%s>" "$@"; printf "; token %s" "$GH_TOKEN"\n')
    gh.chmod(0o755)
    return Runner(tmp_path, tmp_path, bash_environment(tmp_path / "bin"), contexts)


URL = "https://github.com/OWNER/mine/pull/7"


@pytest.mark.parametrize("fork", [False, True])
def test_the_comment_is_written_from_the_reports_of_our_own_pull_requests(tmp_path, fork):
    (comment,) = (block for block in BLOCKS if isinstance(block, list) and "gh pr comment" in str(block))
    head = {"repo": {"full_name": "SOMEBODY/mine" if fork else "OWNER/mine"}}
    github = {"event": {"pull_request": {"html_url": URL, "head": head}}, "repository": "OWNER/mine", "token": "t"}
    runner = job(tmp_path, github=github)
    assert runner.run([{"run": "exit 1"}, *comment]) == 1
    said = [ran.said for ran in runner.ran[1:]]
    words = f"gh <pr> <comment> <{URL}> <--body-file> <toolmark-report/report.md> <--edit-last> <--create-if-none>"
    assert said == ([] if fork else [f"{words}; token t"])


@pytest.mark.parametrize(("code", "red"), [("0", 0), ("1", 1), ("4", 1), ("69", 0), ("", 1)])
def test_only_a_missing_hub_is_forgiven(tmp_path, code, red):
    (forgiving,) = (block for block in BLOCKS if isinstance(block, list) and "continue-on-error" in str(block))
    runner = job(tmp_path)
    runner.found = {"toolmark": {"exit-code": code} if code else {}}
    assert runner.run(forgiving) == red


@pytest.mark.usefixtures("adapter")
def test_the_command_for_other_systems_is_accepted(repository, path):
    """Up to the collection of its checks. Its paths are there, and only the model is another one."""
    (other,) = (block for block in BLOCKS if isinstance(block, dict) and "script" in block.get("toolmark", {}))
    (command,) = (line for line in other["toolmark"]["script"] if line.startswith("toolmark "))
    (repository / "baselines").mkdir()
    shutil.copy(ROOT / "docs" / "replays" / "pocket.jsonl.gz", repository / "baselines" / "main.jsonl.gz")
    step = {"run": f"{command.replace('qwen3-0.6b', 'pocket')} --collect-only"}
    runner = Runner(repository, repository.parent, bash_environment(path), {})
    assert runner.run([step]) == 0, runner.said
    assert "test_metric[pocket+mine-timing.recall]" in runner.said


def test_the_workflow_from_the_first_run_to_a_regression(act: Act, repository, adapter, warm):
    """Its inputs as they stand there, but for the model and a floor."""
    (workflow,) = (block for block in BLOCKS if isinstance(block, dict) and "on" in block)
    assert workflow["permissions"] == {"contents": "read"}
    assert set(workflow["on"]) == {"pull_request", "push"}
    (step,) = (step for step in steps(workflow) if step in OURS)
    documented = step["with"] | {"model": "pocket", "args": f"{step['with']['args']} --floor selection.tool=0"}
    assert repository / documented["adapter"] == adapter
    baseline = repository / documented["baseline"]

    first, runner = act(**{name: value for name, value in documented.items() if name != "baseline"})
    assert first == 0, runner.said
    assert runner.said.count(f"{N} generated, 0 reused") == 2
    assert "### `pocket+mine` against `pocket`: 5 equivalent, 1 inconclusive" in runner.summary
    assert [ran.name.partition(" (")[0] for ran in runner.ran if "(actions/" in ran.name] == [
        *("Restore pip's cache", "Save pip's cache", "Restore weights from the hub", "Restore answers"),
        *("Save answers", "Upload the reports"),
    ]
    report = repository / ACTION["inputs"]["report"]["default"]
    listed = re.search(r"\*\*Artifact\*\*: The action uploads (.*?), even", PAGE, re.DOTALL)[1]
    assert {file.name for file in report.iterdir()} == set(re.findall(r"`(.*?)`", listed))

    commands = re.search(r"```sh\n( +gh run download.*?) +```", PAGE, re.DOTALL)[1]
    here = [line.strip() for line in commands.splitlines() if not line.strip().startswith(("gh ", "git "))]
    assert Runner(repository, repository, bash_environment(), {}).run([{"run": "\n".join(here)}]) == 0
    same, runner = act(**documented)
    assert same == 0, runner.said
    assert f"0 generated, {N} reused" in runner.said
    assert "### `pocket+mine` against `main`: 5 equivalent, 1 inconclusive" in runner.summary

    oracle = ("--model", "policy/oracle", "--cases", str(repository / "cases.jsonl"))
    assert warm("eval", *oracle, "--runs", str(repository / "oracle")).code == 0
    (better,) = (repository / "oracle").iterdir()
    assert warm("runs", "export", str(better), "--out", str(baseline)).code == 0
    known = {"weights": {"cache-hit": "true"}, "pip": {"cache-hit": "true"}}
    worse, runner = act(known, **documented)
    assert worse == 1, runner.said
    assert "::error title=Toolmark::A metric regressed" in runner.said
    assert "❌ **recall** regressed" in runner.summary
    assert runner.contexts["steps"]["evaluate"]["outputs"]["exit-code"] == "1"
    assert [ran.name.partition(" (")[0] for ran in runner.ran[-2:]] == ["Save answers", "Upload the reports"]


def test_the_page_names_the_version_of_the_package():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert set(re.findall(r"(?:toolmark@v|rev: v)([\d.]+)", PAGE)) == {version}
