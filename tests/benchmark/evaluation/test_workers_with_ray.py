"""Workers with a real Ray: the same rows, also after kills; bases are loaded once; nothing is open to the network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from studies.workers import LORA, Driver, killed, result, rows

pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = pytest.mark.slow

REQUEST = {"models": ["pocket"], "adapters": ["pocket-lora"], "limit": 40, "max_tokens": 24, "threads": 1, "workers": 2}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The rows and the figures of one process."""
    alone = Driver({**REQUEST, "workers": 1}, tmp_path_factory.mktemp("alone") / "runs")
    figures = result(alone.start())["figures"]
    return rows(alone.runs), figures


@pytest.mark.parametrize(("victim", "moment"), [("worker", 0.1), ("raylet", 0.3), ("driver", 0.5)])
def test_a_kill_changes_no_row_and_leaves_no_process(whole, tmp_path, victim, moment):
    found = killed(Driver(REQUEST, tmp_path / "runs"), victim, moment, whole)
    assert found.same
    assert found.left == 0


def test_each_worker_loads_the_base_once_and_nothing_else_is_reached(tmp_path):
    # No worker imports modules from the current folder.
    (tmp_path / "torch.py").write_text("raise SystemExit('a module of the current folder was imported')")
    adapters = [tmp_path / f"adapter-{number}" for number in range(4)]
    for adapter in adapters:
        adapter.symlink_to(LORA)
    request = {**REQUEST, "adapters": [str(adapter) for adapter in adapters], "limit": 4}
    process = Driver(request, tmp_path / "runs").start()
    listening: set[str] = set()
    while process.poll() is None and not any(
        path.stat().st_size for path in (tmp_path / "runs").glob("*/ledger.jsonl")
    ):
        time.sleep(0.2)
    for one in (process, *process.children(recursive=True)):
        listening |= {each.laddr.ip for each in one.net_connections("tcp") if each.status == psutil.CONN_LISTEN}
    (line,) = (line for line in result(process)["lines"] if line.startswith("workers: 2 "))
    assert line.endswith("loaded bases: 2")
    assert listening
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_a_cluster_generates_the_same_rows(whole, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    local = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    ray = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--include-dashboard=false"]
    ports = ["--port=0", f"--ray-client-server-port={port}"]
    with (tmp_path / "log").open("wb") as log, TemporaryDirectory(prefix="ray-") as short:  # for the paths of sockets
        sizes = ["--num-cpus=2", "--object-store-memory=100000000", f"--temp-dir={short}"]
        head = subprocess.Popen([*ray, *ports, *sizes], env={**os.environ, **local}, stdout=log, stderr=log)
        try:
            driver = Driver({**REQUEST, "ray": f"ray://127.0.0.1:{port}"}, tmp_path / "runs")
            while not any(one.laddr.port == port for one in psutil.net_connections("tcp")):
                assert head.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.5)
            figures = result(driver.start())["figures"]
        finally:
            head.terminate()
            head.wait(60)
    assert (rows(driver.runs), figures) == whole
