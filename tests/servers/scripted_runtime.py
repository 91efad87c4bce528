"""A server on loopback with the addresses of llama.cpp's server. A test says what each address replies."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Refusal", "scripted_runtime"]


@dataclass
class Refusal:
    """A reply that is an error with this status."""

    status: int
    message: str


Replies = Mapping[str, Callable[[Mapping[str, Any]], Any]]


@contextmanager
def scripted_runtime(replies: Replies) -> Iterator[str]:
    """Run a server until the context ends, and yield its address.

    Args:
        replies: The reply of each path, as a function of the request. Other paths have the status 404.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _reply(self, request: Mapping[str, Any]) -> None:
            found = replies.get(self.path)
            reply = found(request) if found else Refusal(404, "no such path")
            refused = isinstance(reply, Refusal)
            body = json.dumps({"error": {"message": reply.message}} if refused else reply).encode()
            self.send_response(reply.status if refused else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
