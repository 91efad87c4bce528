"""A launcher starts several processes. Only a training uses them, and only the first one prints."""

from __future__ import annotations

import io
import os

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.launched_process import LaunchedProcess, launched_process
from toolmark.benchmark.core.printing import console


def test_without_a_launcher_there_is_one_process(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")  # some schedulers set it for the whole job
    assert launched_process() == LaunchedProcess(0, 1, 1)


def test_only_the_first_process_prints(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    printed = {}
    for rank in (0, 3):
        monkeypatch.setenv("RANK", str(rank))
        assert launched_process() == LaunchedProcess(rank, 4, 2)
        stream = io.StringIO()
        console(file=stream).print("hello")
        printed[rank] = stream.getvalue()
    assert printed == {0: "hello\n", 3: ""}


@pytest.mark.parametrize("rank", ["4", "-1", "one"])
def test_a_place_that_does_not_exist_is_named(rank, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", rank)
    with pytest.raises(InputError, match=f"RANK={rank}, WORLD_SIZE=4, which is no place"):
        launched_process()


def test_other_commands_run_in_one_process(warm_without_torch):
    ended = warm_without_torch("runs", "list", environment={**os.environ, "RANK": "0", "WORLD_SIZE": "2"})
    assert ended.code == 4
    assert "in 2 processes, but only a training uses several processes" in ended.err
