"""The cases on which checkpoints are judged: their tools and bad rows are named as in an evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.trainers.dev_judging import DevJudging
from toolmark.trainers.training_job import TrainingJob

TOOLS = """
def add(a: int, b: int) -> int:
    \"\"\"Add two numbers.\"\"\"
    return a + b
"""

WORLD = """
from toolmark.benchmark.tools.worlds.world import World


class Counter(World):
    n: int = 0

    def add(self, k: int) -> int:
        \"\"\"Add a number.\"\"\"
        self.n += k
        return self.n
"""

COMMON = {"split": "dev", "source": {"name": "test", "ref": "1"}, "licence": "CC0-1.0"}


def judging(folder: Path, dev: Path, **job: object) -> DevJudging:
    return DevJudging(TrainingJob(folder, folder / "out", base="pocket", dev=str(dev), **job), "tagged", {}, "cpu")


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """A case whose toolbox is the file `sums.py`, which lies elsewhere."""
    (tmp_path / "sums.py").write_text(TOOLS)
    file = tmp_path / "cases" / "few.dev.jsonl"
    file.parent.mkdir()
    call = {"name": "add", "arguments": {"a": [1], "b": [2]}}
    row = {"messages": [{"role": "user", "content": "What is 1 + 2?"}], "toolbox": "sums", **COMMON}
    row["expect"] = {"action": "call", "any_of": [{"calls": [call]}]}
    file.write_text(json.dumps(row) + "\n")
    return file


def test_tools_names_the_toolboxes_of_the_dev_cases(dev: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no toolbox 'sums'"):
        judging(tmp_path, dev).checked_cases()
    (case,) = judging(tmp_path, dev, tools=str(tmp_path / "sums.py")).checked_cases().cases
    assert case.toolbox.names == ("add",)


def test_tools_names_the_world_of_dev_scenarios(tmp_path: Path) -> None:
    (tmp_path / "counter.py").write_text(WORLD)
    gold = {"calls": [{"name": "add", "arguments": {"k": 2}}], "answer": "2"}
    turn = {"user": "Add two.", "expect": {"reach": {"/n": [2]}}, "gold": gold}
    file = tmp_path / "few.dev.jsonl"
    file.write_text(json.dumps({"world": "Counter", "state": {}, "turns": [turn], **COMMON}))
    with pytest.raises(InputError, match="no world 'Counter'"):
        judging(tmp_path, file).checked_cases()
    (scenario,) = judging(tmp_path, file, tools=f"{tmp_path / 'counter.py'}:Counter").checked_cases().cases
    assert scenario.world == "Counter"


def test_bad_rows_of_the_dev_cases_are_left_out_where_asked(dev: Path, tmp_path: Path) -> None:
    with dev.open("a") as file:
        file.write("no case\n")
    tools = str(tmp_path / "sums.py")
    with pytest.raises(InputError, match="--skip-bad"):
        judging(tmp_path, dev, tools=tools).checked_cases()
    assert len(judging(tmp_path, dev, tools=tools, skip_bad=True).checked_cases().cases) == 1


@pytest.mark.parametrize("skipped", [False, True])
def test_dev_cases_that_are_too_long_are_left_out_where_asked(skipped: bool, tmp_path: Path, monkeypatch) -> None:
    """The error about a prompt that is too long names this option."""
    asked = []
    monkeypatch.setattr("toolmark.trainers.dev_judging.case_set_of", asked.append)
    judging(tmp_path, tmp_path, skip_too_long=skipped).checked_cases()
    assert [request.skip_too_long for request in asked] == [skipped]


def test_the_recorded_command_names_the_tools_without_their_folder(dev: Path, tmp_path: Path) -> None:
    for given, recorded in [
        (str(tmp_path / "sums.py"), "sums.py"),
        (f"{tmp_path / 'sums.py'}:Counter", "sums.py:Counter"),
        ("my.module:Counter", "my.module:Counter"),
    ]:
        job = TrainingJob(tmp_path, tmp_path / "out", base="pocket", dev=str(dev), tools=given, skip_bad=True)
        assert (job.flags()["tools"], job.flags()["skip_bad"]) == (recorded, True)
