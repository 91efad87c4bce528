"""The checks of this machine. The hub is a server on loopback."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import constants

from toolmark.benchmark.doctor.hub_access import hub_finding
from toolmark.benchmark.doctor.memory_and_disk import runs_finding
from toolmark.benchmark.doctor.packages import extras_finding, packages_finding, python_finding

RIGHT, WRONG = "hf_right", "hf_wrong"


class _Handler(BaseHTTPRequestHandler):
    """A hub (`works`), a login page in its place (`page`), or a server that never stops sending (`endless`)."""

    def do_GET(self) -> None:
        behaviour = self.server.behaviour
        if behaviour == "works":
            known = self.headers["Authorization"] == f"Bearer {RIGHT}"
            body = {"name": "ann"} if known else {"error": "Invalid username or password."}
            self._send(200 if known else 401, "application/json", json.dumps(body).encode())
        elif behaviour == "page":
            self._send(200, "text/html", b"<html>Log in to the network</html>")
        else:
            self._send(200, "application/json", b"")
            try:
                while True:
                    self.wfile.write(b"1" * 100_000)
            except OSError:
                pass

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def hub(behaviour: str) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        server.behaviour = behaviour
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def asked(monkeypatch, url: str, token: str | None, tmp_path):
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(tmp_path / "tokens"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    finding = hub_finding()
    assert token is None or token not in str(finding)
    assert bool(finding.advice) == (finding.state != "ok")
    return finding


@pytest.mark.parametrize(
    ("behaviour", "token", "state", "found"),
    [
        ("works", None, "ok", "there is no token"),
        ("works", RIGHT, "ok", "the token belongs to ann"),
        ("works", WRONG, "problem", "does not accept the token"),
        ("works", "not\tpossible ü", "warning", "characters that are not possible"),
        ("page", RIGHT, "warning", "does not answer like the hub (status 200, text/html)"),
        ("endless", RIGHT, "warning", "the reply is longer than 4 MB"),
    ],
)
def test_what_the_hub_says_to_the_token(monkeypatch, tmp_path, behaviour, token, state, found):
    with hub(behaviour) as url:
        finding = asked(monkeypatch, url, token, tmp_path)
    assert finding.state == state
    assert found in finding.found


def test_a_hub_that_cannot_be_reached_is_a_warning(monkeypatch, tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        finding = asked(monkeypatch, f"http://127.0.0.1:{closed.getsockname()[1]}", RIGHT, tmp_path)
        assert (finding.state, "cannot be reached" in finding.found) == ("warning", True)
        closed.listen()  # connected, and never answered
        finding = asked(monkeypatch, f"http://127.0.0.1:{closed.getsockname()[1]}", RIGHT, tmp_path)
    assert (finding.state, "no answer in 1.5 s" in finding.found) == ("warning", True)


def install(folder, name: str, version: str) -> None:
    """Metadata of a package, as pip writes it."""
    place = folder / f"{name}-{version}.dist-info"
    place.mkdir()
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_a_version_beyond_the_tested_range_is_named_with_the_command(monkeypatch, tmp_path):
    assert packages_finding().state == "ok"
    install(tmp_path, "psutil", "4.0")
    install(tmp_path, "peft", "9.9")  # of an extra
    monkeypatch.syspath_prepend(tmp_path)
    finding = packages_finding()
    assert finding.state == "warning"
    assert "psutil 4.0 (tested: >=7)" in finding.found
    assert "'psutil>=7'" in finding.advice
    assert "'peft<0.22,>=0.21'" in finding.advice


def test_a_package_that_is_not_there_is_a_problem(monkeypatch, tmp_path):
    place = tmp_path / "toolmark-7.dist-info"
    place.mkdir()
    (place / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: toolmark\nVersion: 7\nProvides-Extra: local\nProvides-Extra: all\n"
        "Classifier: Programming Language :: Python :: 2.7\nRequires-Dist: not-there>=1\nRequires-Dist: pytest\n"
        'Requires-Dist: never; python_version < "3"\nRequires-Dist: gone; extra == "local"\n'
        'Requires-Dist: pytest; extra == "local"\nRequires-Dist: toolmark[local]; extra == "all"\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    finding = packages_finding()
    assert (finding.state, finding.found) == ("problem", "not installed: not-there")
    assert finding.advice == "Install: pip install 'not-there>=1'"
    assert "not installed: all (lacks gone), local (lacks gone)" in extras_finding().found
    assert "is not one of the tested versions 2.7" in python_finding().found


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that even root cannot write")
def test_a_folder_that_cannot_be_written_is_a_problem(tmp_path):
    assert runs_finding(str(tmp_path / "not" / "yet")).state == "ok"
    assert not list(tmp_path.iterdir())
    finding = runs_finding("/proc/sys/runs")
    assert (finding.state, "/proc/sys" in finding.found) == ("problem", True)


@pytest.mark.slow  # imports torch in a process of its own, and measures for seconds; the parts are tested above
def test_the_command_says_every_line_and_exits_by_the_worst(warm_without_torch, tmp_path):
    offline = {"HF_HUB_OFFLINE": "1"}
    well = warm_without_torch("doctor", "--json", "--runs", str(tmp_path), environment=offline)
    names = [finding["name"] for finding in json.loads(well.stdout)["findings"]]
    assert names == [
        "python",
        "packages",
        "extras",
        "torch",
        "devices",
        "speed",
        "memory",
        "sandbox",
        "runs",
        "cache",
        "hub",
    ]
    assert well.returncode == 0
    ill = warm_without_torch("doctor", "--runs", "/proc/sys/runs", environment=offline)
    assert ill.returncode == 69
    assert "problem  runs" in ill.stdout
