"""`toolmark generate`: a folder from flags, and a worded error for a wrong one."""

import json
from pathlib import Path

import pytest
from datasets import load_from_disk

from toolmark.benchmark.core.errors import InputError
from toolmark.generators.commands.generate import app
from toolmark.generators.failed_calls import FailedCalls


def run(*tokens: str) -> None:
    app(tokens, exit_on_error=False, print_error=False, result_action="return_value")


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    path = tmp_path / "MANIFEST.toml"
    path.write_text('held_out_tools = ["char_count"]\n')
    return str(path)


def test_flags_reach_the_generator(tmp_path: Path, manifest: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "data"
    run("template", "--count", "40", "--max-distractors", "3", "--seed", "4", "--manifest", manifest, "--out", str(out))
    written = json.loads((out / "manifest.json").read_text())
    assert written["seed"] == 4
    assert written["options"]["count"] == 40
    assert written["options"]["max_distractors"] == 3
    assert f"Wrote {out}" in capsys.readouterr().err


def test_tools_of_ones_own_are_offered(tmp_path: Path, manifest: str) -> None:
    source = tmp_path / "my_tools.yaml"
    source.write_text(
        "- {name: word_count, description: Count words., parameters: {properties: {text: {type: string}}}}\n"
        "- {name: polish_boots, description: Polish the boots., parameters: {properties: {}}}\n"
    )
    out = tmp_path / "mine"
    run("template", "--count", "60", "--tools", str(source), "--manifest", manifest, "--out", str(out))
    tools = (out / "tools.yaml").read_text()
    assert "polish_boots" in tools
    assert "calculator" not in tools
    assert json.loads((out / "manifest.json").read_text())["unexecuted_calls"] > 0
    last = [row["messages"][-1] for row in load_from_disk(out / "traces")["train"] if row["tool_needed"]]
    assert last
    assert all(turn["tool_calls"] for turn in last), "a call whose result nobody knows is the last turn"


def test_tools_whose_calls_fail_are_named(tmp_path: Path, manifest: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "my_tools.py"
    source.write_text(
        "from typing import Annotated\n"
        "from toolmark.benchmark.tools.effects import effects\n"
        "@effects('pure')\n"
        "def book_ferry(cars: Annotated[int, 'Number of cars']) -> int:\n"
        "    'Book a ferry.'\n"
        "    raise ValueError('the harbour is closed')\n"
        "@effects('pure')\n"
        "def polish_boots(pairs: Annotated[int, 'Number of pairs']) -> int:\n"
        "    'Polish some boots.'\n"
        "    return pairs\n"
    )
    out = tmp_path / "mine"
    run("template", "--count", "30", "--tools", str(source), "--manifest", manifest, "--out", str(out))
    failed = json.loads((out / "manifest.json").read_text())["rejections"]["execution"]
    told = capsys.readouterr().err
    assert failed > 1
    assert f"book_ferry: {failed} calls failed: the harbour is closed\n" in told
    assert "polish_boots: " not in told
    assert f"All reasons: {out / 'rejected.jsonl'}" in told


@pytest.mark.parametrize(
    ("reasons", "line"),
    [
        (["late"], "f: 1 call failed: late"),
        (["late", "late"], "f: 2 calls failed: late"),
        (["no 1", "late", "late"], "f: 3 calls failed, 2 of them: late"),
        (["no 1", "no 2"], "f: 2 calls failed, for example: no 1"),
    ],
)
def test_the_most_frequent_reason_is_told(reasons: list[str], line: str) -> None:
    failed = FailedCalls()
    for reason in reasons:
        failed.add("f", reason)
    assert failed.lines() == [line]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--count", "0"), "--count 0: Input should be greater than or equal to 1"),
        (("--count", "many"), "--count many: Input should be a valid integer"),
        (("--shares.easy", "much"), "--shares.easy much: Input should be a valid number"),
        (("--min-distractors", "9", "--max-distractors", "3"), "min_distractors 9 is above max_distractors 3"),
        (("--manifest", "nowhere.toml"), r"the manifest nowhere\.toml cannot be read"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, flags: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run("template", *flags, "--out", str(tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/data cannot be written: .*file is a file, not a folder.*--out DIR"):
        run("template", "--count", "1", "--out", str(tmp_path / "file" / "data"))
