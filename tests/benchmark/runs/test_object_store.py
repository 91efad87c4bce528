"""Runs at an address of a real object store (moto's server), through a connection that breaks."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.forked.commands import Ended, Started
from toolmark.benchmark.runs.ledger import read_ledger

pytestmark = pytest.mark.slow


class Connection:
    """A proxy on loopback. It can break all connections, also in the middle of a transfer.

    Attributes:
        address: Of the proxy.
        files: How many files may still be sent. The connection breaks in the middle of the next one, and stays broken.
            None for any number.
    """

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.files: int | None = None
        self._broken = False
        self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()
        self._break()

    def mend(self) -> None:
        """Let everything pass from now on."""
        self.files, self._broken = None, False

    def _break(self) -> None:
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                if self._broken:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._open += [client, server]
                threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, requests: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if requests and b"PUT /" in data and self.files is not None:
                    if self.files == 0:
                        target.sendall(data[: len(data) // 2])
                        self._broken = True
                        self._break()
                        return
                    self.files -= 1
                target.sendall(data)


@pytest.fixture
def store(monkeypatch) -> Iterator[Connection]:
    """A connection to an empty bucket."""
    boto3 = pytest.importorskip("boto3")
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret-key"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = moto.ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    _, port = server.get_host_and_port()
    boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}").create_bucket(Bucket="bucket")
    connection = Connection(port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", connection.address)
    yield connection
    connection.close()
    server.stop()


@pytest.fixture
def evaluated(warm, few_cases):
    def start(cache: Path, *arguments: str) -> Ended:
        given = ["eval", "--cases", str(few_cases), "--runs", "s3://bucket/runs", *arguments]
        started: Started = warm.start(
            "toolmark", *given, cwd=cache, environment={**os.environ, "XDG_CACHE_HOME": str(cache), "COLUMNS": "200"}
        )
        return started.wait()

    return start


def test_a_broken_connection_loses_nothing_and_another_machine_compares(store, evaluated, warm, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    store.files = 1  # the ledger with its first line
    broken = evaluated(here, "--model", "policy/lexical")
    assert broken.code == 69, broken.said
    assert "the run was not sent" in broken.err
    assert "selection.tool" in broken.out, "the scores are shown all the same"
    (kept,) = here.glob("toolmark/remote/runs/*/*/ledger.jsonl")
    assert len(read_ledger(kept).completions) == 60

    store.mend()
    sent = evaluated(here, "--model", "policy/lexical")
    assert sent.code == 0, sent.said
    (run,) = (line.split()[0] for line in _listed(warm, there).splitlines() if "lexical" in line)
    assert len(read_ledger(kept).completions) == 60

    report = "s3://bucket/reports/report.html"
    compared = evaluated(
        there, "--model", "policy/uniform", "--baseline", f"s3://bucket/runs/{run}", "--report", report
    )
    assert compared.code == 1, compared.said
    assert "regressed" in compared.out
    shown = _command(warm, there, "compare", f"s3://bucket/runs/{run}", f"s3://bucket/runs/{run}/ledger.jsonl")
    assert "equivalent" in shown.out, shown.said

    import s3fs

    files = s3fs.S3FileSystem(skip_instance_cache=True)
    assert files.cat(f"bucket/runs/{run}/ledger.jsonl") == kept.read_bytes()
    assert files.glob(f"bucket/runs/{run}/*.eval")
    assert f"--baseline s3://bucket/runs/{run}/ledger.jsonl".encode() in files.cat(report.removeprefix("s3://"))


def _command(warm, cache: Path, *arguments: str) -> Ended:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "COLUMNS": "300"}
    return warm.start("toolmark", *arguments, cwd=cache, environment=environment).wait()


def _listed(warm, cache: Path) -> str:
    ended = _command(warm, cache, "runs", "list", "--runs", "s3://bucket/runs")
    assert ended.code == 0, ended.said
    return ended.out
