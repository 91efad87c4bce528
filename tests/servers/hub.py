"""The hub's API on loopback, as far as a data set is written by it: every request is kept."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

__all__ = ["Hub", "running_hub"]


@dataclass
class Hub:
    """A hub that is running.

    Attributes:
        url: For `HF_ENDPOINT`.
        tokens: The tokens that came.
        requests: Method, path and body of each request.
        files: What was committed, by path.
        state: It works, answers every commit with 403, or hangs up on everybody.
    """

    url: str = ""
    state: Literal["works", "refuses", "gone"] = "works"
    tokens: set[str] = field(default_factory=set)
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def forget(self) -> None:
        """Be as at the start."""
        self.state = "works"
        for kept in (self.tokens, self.requests, self.files):
            kept.clear()

    def commit(self, body: bytes) -> None:
        """Keep the files of a commit, which come as lines of JSON."""
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _hub(self) -> Hub:
        return self.server.hub  # type: ignore[attr-defined, no-any-return]

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._hub.state == "gone":
            self.close_connection = True
            return
        self._hub.requests.append((method, self.path, body))
        self._hub.tokens.add(self.headers.get("authorization", ""))
        path = self.path.partition("?")[0]
        if path == "/api/repos/create":
            self._send(200, {"url": f"{self._hub.url}/datasets/me/mine"})
        elif path == "/api/validate-yaml":
            self._send(200, {"errors": [], "warnings": []})
        elif "/preupload/" in path:
            plain = {"uploadMode": "regular", "shouldIgnore": False, "oid": None}
            files = [{"path": one["path"], **plain} for one in json.loads(body)["files"]]
            self._send(200, {"files": files})
        elif "/commit/" in path and self._hub.state == "refuses":
            self._send(403, {"error": f"no: {self.headers['authorization']}"})
        elif "/commit/" in path:
            self._hub.commit(body)
            where = f"{self._hub.url}/datasets/me/mine/commit/abc"
            self._send(
                200, {"success": True, "commitOid": "abc", "commitUrl": where, "hookOutput": "", "pullRequestUrl": None}
            )
        else:
            self._send(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(text)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub until the context ends."""
    hub = Hub()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.hub = hub  # type: ignore[attr-defined]
        hub.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield hub
        finally:
            server.shutdown()
