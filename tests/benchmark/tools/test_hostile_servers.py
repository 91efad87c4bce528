"""Servers of tools that send anything: each call is bounded and ends with a result or an error in words."""

from __future__ import annotations

import gzip
import json
import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.tools.sandbox import Result
from toolmark.benchmark.tools.toolbox_names import read_source

KEY = "sk-0123456789abcdef"
MB = b" " * 2**20


class _Hostile(BaseHTTPRequestHandler):
    """Answers a GET as the last part of its path says."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.close_connection = True
        self.seen.append((self.path, self.headers.get("Authorization")))
        try:
            self._answer(self.path.rpartition("/")[2])
        except OSError:
            return

    def _answer(self, way: str) -> None:
        port = self.server.server_address[1]
        match way:
            case "elsewhere":
                self._send(b"", status=302, location=f"http://localhost:{port}/stolen")
            case "file":
                self._send(b"", status=307, location="file:///etc/passwd")
            case "bomb":
                self._send(gzip.compress(MB * 300), content_encoding="gzip")
            case "bombs":
                self._send(gzip.compress(gzip.compress(MB * 100)), content_encoding="gzip, gzip")
            case "packed":
                self._send(gzip.compress(b'{"count": 3}'), content_encoding="gzip")
            case "torn":
                self._send(b"\x1f\x8b\x08 no gzip", content_encoding="gzip")
            case "chunks":
                self._send(None, transfer_encoding="chunked")
                while True:
                    self.wfile.write(b"100000\r\n" + MB + b"\r\n")
            case "length":
                self._send(None, content_length=str(10**12))
                while True:
                    self.wfile.write(MB)
            case "header":
                self._send(b"{}", x_long="x" * 10_000_000)
            case "words":
                self._send(b"<html>not JSON")
            case "deep":
                self._send(b"[" * 500_000)
            case "no":
                self._send(f"no \x1b[2J entry for {KEY}".encode(), status=403)
            case "nothing":
                return

    def _send(self, body: bytes | None, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content_type": "application/json", "connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if body is not None:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the client went away
        return


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


WEB = {
    "elsewhere": "HTTP 302: the server redirects, and redirects are not followed",
    "file": "HTTP 307: the server redirects, and redirects are not followed",
    "bomb": "the reply is longer than 1 MB",
    "bombs": "compressed ('gzip, gzip')",
    "torn": "the compressed reply cannot be read",
    "chunks": "the reply is longer than 1 MB",
    "length": "the reply is longer than 1 MB",
    "header": "RemoteProtocolError",
    "words": "the reply says that it is JSON, but it is not",
    "deep": "the reply says that it is JSON, but it is not",
    "no": "HTTP 403: no",
    "nothing": "disconnected without sending a response",
}


def test_web_servers_that_send_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAPI_KEY", KEY)
    _Hostile.seen.clear()
    with serving(_Hostile) as port:
        paths = {f"/{way}": {"get": {"summary": "Get it.", "responses": {}}} for way in (*WEB, "packed")}
        file = tmp_path / "api.json"
        scheme = {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}}
        server = {"openapi": "3.1.0", "servers": [{"url": f"http://127.0.0.1:{port}"}], "paths": paths}
        file.write_text(json.dumps({**server, "components": scheme, "security": [{"key": []}]}))
        tools = {tool.name.removeprefix("get_"): tool for tool in read_source(file).tools}
        with Executor("read", tools.values()) as executor:
            results = {way: executor.run(tool, {}) for way, tool in tools.items()}
    assert results.pop("packed") == Result({"count": 3}, None, "ok")
    for way, result in results.items():
        assert result.kind == "error", (way, result)
        assert KEY not in str(result)
        if way != "header":  # the text is that of httpx
            assert WEB[way] in str(result.error), way
    assert not any("stolen" in path for path, _ in _Hostile.seen)
    assert {key for _, key in _Hostile.seen} == {f"Bearer {KEY}"}


HOSTILE = Path(__file__).parents[2] / "servers" / "hostile_mcp.py"
PIPES = {
    "garbage": 7,
    "other ids": 7,
    "notifications": 7,
    "twice": 7,
    "asks in return": 7,
    "long line": "the server wrote a line of more than 16 MiB",
    "endless notifications": "the server wrote 2,000 lines in a row that are not answers",
    "exit": "the server closed its output",
    "no result": "the answer of the server has neither a valid result nor a valid error",
    "result of another type": "the answer of the server has neither a valid result nor a valid error",
    "content of another type": "the answer of the server is not valid: content",
    "error": "no \x1b[2J [hidden]",
}


def _command(way: str) -> str:
    """The server, given a key that looks like none of the well-known kinds."""
    return shlex.join([sys.executable, "-IS", str(HOSTILE), way, "--api-key", "my-own-key"])


def _tool(way: str) -> Tool:
    parameters = {"type": "object", "properties": {"item": {"type": "string"}}}
    name = way.replace(" ", "_")
    return Tool(name=name, parameters=parameters, run=f"mcp:{_command(way)}:price", effects="read")


def test_mcp_servers_that_write_anything() -> None:
    pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")
    tools = {way: _tool(way) for way in PIPES}
    with Executor("read", tools.values()) as executor:
        results = {way: executor.run(tool, {"item": "ink"}) for way, tool in tools.items()}
        again = {way: executor.run(tool, {"item": "ink"}) for way, tool in tools.items()}
    for way, expected in PIPES.items():
        for result in (results[way], again[way]):
            if expected == 7:
                assert (result.kind, result.value) == ("ok", 7), (way, result)
            else:
                assert result.kind == "error"
                assert str(expected) in str(result.error), way
                assert "my-own-key" not in str(result)


@pytest.mark.parametrize(
    ("way", "what"),
    [("list: exit", "the server closed its output"), ("list: long line", "a line of more than 16 MiB")],
)
def test_an_mcp_server_that_does_not_list_its_tools(way: str, what: str) -> None:
    pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")
    with pytest.raises(EnvironmentFault, match=what) as caught:
        read_source(f"mcp:{_command(way)}")
    assert "my-own-key" not in str(caught.value)
    assert printable("for my-own-key") == "for [hidden]", "the user named the server, so its key is known from now on"


def test_the_last_lines_of_a_dead_mcp_server_are_told() -> None:
    pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")
    code = "import sys; print('x' * 1_000_000, file=sys.stderr); print('key is', sys.argv[2], file=sys.stderr); 1 / 0"
    server = shlex.join([sys.executable, "-ISc", code, "--api-key", "my-own-key"])
    with pytest.raises(EnvironmentFault, match=r"closed its output\. The last lines .*ZeroDivisionError: ") as caught:
        read_source(f"mcp:{server}")
    assert "my-own-key" not in str(caught.value)
    assert len(caught.value.what) < 1_500


class _Endless(BaseHTTPRequestHandler):
    """An MCP server over HTTP: a body without an end, of the media type that the path names."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json" if "json" in self.path else "text/event-stream")
        self.end_headers()
        try:
            while True:
                self.wfile.write(MB)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        return


@pytest.mark.parametrize("kind", ["json", "events"])
def test_an_mcp_server_over_http_that_never_ends(kind: str) -> None:
    pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")
    with serving(_Endless) as port, pytest.raises(EnvironmentFault, match="does not list its tools"):
        read_source(f"mcp:http://127.0.0.1:{port}/{kind}")


@pytest.mark.slow
def test_an_mcp_server_that_is_silent_is_asked_three_times() -> None:
    pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")
    tool = _tool("silence")
    with Executor("read", [tool]) as executor:
        results = [executor.run(tool, {"item": "ink"}) for _ in range(5)]
    assert [str(result.error) for result in results] == ["no answer in 20 s"] * 2 + [
        "the server did not answer 3 calls in a row, so it is not asked again"
    ] * 3
    with pytest.raises(EnvironmentFault, match="no answer in 20 s"):
        read_source(f"mcp:{_command('list: silence')}")
