"""Checks in a process of their own: whatever ends the process, the findings that came before are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolmark.benchmark.doctor.child_process import findings_of_child

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("ending", "seconds", "state", "found"),
    [
        ("crashes", 30, "problem", "SIGSEGV"),
        ("uses_up_the_memory", 30, "problem", "memory is used up"),
        ("hangs", 3, "problem", "not finished after 3 s"),
        ("raises", 30, "problem", "KeyError: 'no such key'"),
        ("prints", 30, "ok", "made, too"),
    ],
)
def test_the_findings_before_the_end_are_kept(monkeypatch, ending, seconds, state, found):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    first, second = findings_of_child(f"tests.benchmark.doctor.endings:{ending}", {}, seconds, "Take more time.")
    assert (first[0], first[1].state, first[1].found) == ("first", "ok", "made")
    assert (second[0], second[1].state) == ("second", state)
    assert found in second[1].found
    assert bool(second[1].advice) == (state == "problem")


def test_a_file_of_the_current_folder_is_not_imported(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "psutil.py").write_text("raise SystemExit('a file of the folder was run')")
    (tmp_path / "json.py").write_text("raise SystemExit('a file of the folder was run')")
    monkeypatch.chdir(tmp_path)
    states = [finding.state for _, finding in findings_of_child("tests.benchmark.doctor.endings:prints", {}, 30, "")]
    assert states == ["ok", "ok"]
