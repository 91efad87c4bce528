"""Errors that no code expects: a full disk in words, a defect with what a report of it needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.forked.commands import Commands
from toolmark.benchmark.core.unexpected_errors import defect_line, system_fault

BOOM = "def boom(text: str = 'a') -> None:\n    raise ValueError(f'\\x1b[31m{text}')\n"


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    """The environment of a command `toolmark boom` that has a defect."""
    (tmp_path / "boom.py").write_text(BOOM)
    info = tmp_path / "boom-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: boom\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[toolmark.commands]\nboom = boom:boom\n")
    return {"PYTHONPATH": str(tmp_path), "COLUMNS": "200"}


def test_a_defect_ends_with_a_line_to_report(plugin: dict[str, str], warm_without_torch: Commands) -> None:
    prints = []
    for text in ("one", "two"):
        ended = warm_without_torch("boom", text, environment=plugin)
        assert ended.code == 3
        assert "ValueError: \\x1b[31m" + text in ended.err
        last = ended.err.rstrip().splitlines()[-1]
        assert re.search(rf"Report it .*: toolmark [\d.]+, Python [\d.]+, .*; command: toolmark boom {text}; ", last), (
            last
        )
        prints.append(re.search(r"error: ValueError (\w{8})$", last))
    assert prints[0] is not None
    assert prints[1] is not None
    assert prints[0][1] == prints[1][1], "the input is not part of the fingerprint"


def test_fingerprints_tell_places_apart() -> None:
    def one() -> None:
        raise ValueError("x")

    def other() -> None:
        raise ValueError("x")

    lines = set()
    for function in (one, other, one):
        try:
            function()
        except ValueError as error:
            lines.add(defect_line(error))
    assert len(lines) == 2


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device", "a.json"),
        OSError(27, "File too large"),
        RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing file data/0"),
        ValueError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_found_behind_other_errors(error: Exception) -> None:
    outer = RuntimeError("An error occurred while generating the dataset")
    outer.__cause__ = error
    for found in (system_fault(error), system_fault(outer)):
        assert found is not None
        assert "cannot be written" in str(found)
        assert found.exit_code == 69
    assert system_fault(ValueError("28")) is None


@pytest.mark.parametrize(
    "arguments",
    [("data", "audit"), ("eval", "--model", "policy/first", "--cases")],
)
def test_a_path_that_is_too_long_is_told_in_words(warm_without_torch: Commands, arguments: tuple[str, ...]) -> None:
    ended = warm_without_torch(*arguments, "x" * 5_000)
    assert ended.code == 4, ended.said
    assert "too long for the path" in ended.said


@pytest.mark.slow
@pytest.mark.parametrize("room", [2_000, 30_000])
def test_a_disk_that_fills_up_while_data_is_generated(tmp_path: Path, warm: Commands, room: int) -> None:
    command = ("generate", "template", "--count", "30", "--out", str(tmp_path / "data"))
    ended = warm.start("toolmark", *command, room=room).wait()
    assert ended.code == 69, ended.said
    assert "cannot be written" in ended.err
    assert "Traceback" not in ended.said
    assert not list(tmp_path.iterdir())
