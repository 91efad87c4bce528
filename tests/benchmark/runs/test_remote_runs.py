"""Runs at an address. fsspec's store in memory stands for any store here; `test_object_store.py` has a real server."""

from __future__ import annotations

import uuid

import fsspec
import pytest

from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.remote_files import is_address, read_remote, write_remote
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.evaluation.report_writing import check_report
from toolmark.benchmark.runs.ledger import Ledger, read_ledger
from toolmark.benchmark.runs.remote_runs import copy_of_runs, local_runs, send_run
from toolmark.benchmark.runs.run_folders import stored_runs


@pytest.fixture
def runs(tmp_path, monkeypatch) -> str:
    """An address that no other test uses, on a machine with an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one machine"))
    return f"memory://{uuid.uuid4().hex}/runs"


def answered(runs: str, *keys: str, fresh: bool = False) -> Ledger:
    with Ledger(local_runs(runs) / "model-12345678", fresh=fresh) as ledger:
        ledger.open_session({"identity": {}, "environment": {}})
        ledger.append((key, f"case-{key}", 1, Completion(f"answer {key}")) for key in keys)
    return ledger


def stored(runs: str) -> bytes | None:
    return read_remote(f"{runs}/model-12345678/ledger.jsonl")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://bucket/runs", True),
        ("hf://datasets/org/runs", True),
        ("http://127.0.0.1:8080", False),
        ("https://example.org/ledger.jsonl", False),
        ("openai/gpt-4.1", False),
        ("C://models", False),
        ("runs", False),
    ],
)
def test_addresses_are_told_from_paths_specs_and_servers(text, expected):
    assert is_address(text) == expected


def test_another_machine_continues_a_run(runs, tmp_path, monkeypatch):
    first = answered(runs, "a", "b")
    assert stored(runs) == first.path.read_bytes()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine"))
    second = answered(runs, "c")
    assert set(second.recorded.completions) == {"a", "b"}
    assert second.path != first.path
    assert stored(runs) == second.path.read_bytes()
    assert [folder.name for folder in stored_runs(copy_of_runs(runs))] == ["model-12345678"]
    candidate = resolve(f"{runs}/model-12345678")
    assert (candidate.kind, candidate.name) == ("replay", "model-12345678")
    assert set(read_ledger(second.path).completions) == {"a", "b", "c"}


def test_answers_of_two_machines_at_once_are_joined(runs, tmp_path, monkeypatch):
    with Ledger(local_runs(runs) / "model-12345678") as slow:
        slow.open_session({"identity": {}, "environment": {}})
        slow.append([("a", "case-a", 1, Completion("answer a"))])
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine"))
        answered(runs, "b")
    content = stored(runs)
    assert content is not None
    for key in "ab":
        assert content.count(f"answer {key}".encode()) == 1


def test_fresh_answers_replace_those_in_the_store(runs):
    answered(runs, "a")
    ledger = answered(runs, "b", fresh=True)
    assert stored(runs) == ledger.path.read_bytes()
    assert b"answer a" not in ledger.path.read_bytes()
    assert b"answer a" in ledger.path.with_name("ledger.previous.jsonl").read_bytes()


def test_logs_are_sent_with_the_run_and_locks_are_not(runs):
    folder = answered(runs, "a").path.parent
    (folder / "one.eval").write_bytes(b"log")
    send_run(folder)
    assert sorted(fsspec.filesystem("memory").ls(f"{runs}/model-12345678".partition("://")[2], detail=False)) == [
        f"/{runs.partition('://')[2]}/model-12345678/{name}" for name in ("ledger.jsonl", "one.eval")
    ]


def test_what_a_store_contains_is_limited_and_checked(runs, monkeypatch):
    write_remote(f"{runs}/model-12345678/ledger.jsonl", b'{"run": 1}\n{"key": "a"}\nnothing\n')
    ledger = answered(runs, "a")
    assert "is not a completion" in ledger.notes[0]
    monkeypatch.setattr("toolmark.benchmark.core.remote_files.MAX_UNPACKED", 20)
    with pytest.raises(InputError, match=r"ledger\.jsonl has more than"):
        resolve(f"{runs}/model-12345678")


@pytest.mark.parametrize(
    ("address", "error", "said"),
    [
        ("nothing://bucket/run", InputError, "nothing:// is no kind of store"),
        ("gs://bucket/run", EnvironmentFault, "a package for gs:// is not installed.*gcsfs"),
        ("memory://bucket/no run", InputError, "there is no recorded run at memory://bucket/no run"),
    ],
)
def test_an_address_that_cannot_be_read_is_named(address, error, said):
    with pytest.raises(error, match=said):
        resolve(address)


def test_a_site_needs_a_folder():
    check_report("s3://bucket/report.html")
    with pytest.raises(InputError, match="a site needs the earlier reports"):
        check_report("s3://bucket/site/")
