"""An OpenAI-compatible server on loopback that answers as a test says, and fails by a seeded script.

What it answers follows from the request alone. Whether it fails instead, and how, follows from the seed, the request
and how often that request came before: the same in every run, however requests overtake one another.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["FAULTS", "ScriptedServer", "calling", "scripted_server", "seeded"]

FAULTS = ("429", "500", "broken", "no choice", "cut", "dropped", "hang")
"""Too many requests, with `Retry-After`; a fault of the server; half a JSON text; a completion without a choice; a body
shorter than its head says; a connection closed without a word; silence for `hang` seconds."""

Answer = Mapping[str, Any]
"""The assistant's message: `content`, perhaps `tool_calls`, and perhaps the `logprobs` of the choice."""
Script = Callable[[Mapping[str, Any], int], str | None]
"""The fault of a request that came so many times before; None for an answer. A status, such as "401", is one too."""


def seeded(seed: int, share: float, faults: tuple[str, ...] = FAULTS) -> Script:
    """A script that fails this share of all requests, each time by a fault of its own."""

    def fault(request: Mapping[str, Any], before: int) -> str | None:
        draw = random.Random(f"{seed}/{_digest(request)}/{before}")
        return draw.choice(faults) if draw.random() < share else None

    return fault


def calling(*calls: tuple[str, str]) -> Answer:
    """A message with native calls: a name and the text of its arguments each."""
    listed = [
        {"id": str(index), "type": "function", "function": {"name": name, "arguments": arguments}}
        for index, (name, arguments) in enumerate(calls)
    ]
    return {"content": None, "tool_calls": listed}


def _digest(request: Mapping[str, Any]) -> str:
    turns = request.get("messages", request.get("input"))
    return hashlib.sha256(json.dumps([turns, request.get("tools")]).encode()).hexdigest()


@dataclass
class ScriptedServer:
    """A server that is running.

    Attributes:
        service: Inspect's name for it, of which its variables are made.
        said: The message of a fault that is a status; empty for one that names the status.
        url: Of its API, up to `/v1`.
        requests: Every request that came, in the order of arrival.
        outcomes: How many had which fault; `answered` for those that had none.
    """

    answer: Callable[[Mapping[str, Any]], Answer]
    script: Script
    hang: float
    service: str
    said: str = ""
    url: str = ""
    requests: list[Mapping[str, Any]] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)
    _came: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def spec(self) -> str:
        """The candidate that it is, where `environment` holds."""
        return f"openai-api/{self.service}/tiny"

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which Inspect finds it."""
        return {f"{self.service.upper()}_BASE_URL": self.url, f"{self.service.upper()}_API_KEY": "none"}

    def fault_of(self, request: Mapping[str, Any]) -> str | None:
        """The fault of a request that has just come; counts it."""
        with self._lock:
            before = self._came[_digest(request)]
            self._came[_digest(request)] += 1
            fault = self.script(request, before)
            self.requests.append(request)
            self.outcomes[fault or "answered"] += 1
        return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _scripted(self) -> ScriptedServer:
        return self.server.scripted  # type: ignore[attr-defined, no-any-return]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not body:  # the client went away
            self.close_connection = True
            return
        request = json.loads(body)
        fault = self._scripted.fault_of(request)
        if fault is not None:
            self._fail(fault)
            return
        if self.path.endswith("/responses"):
            self._respond(request["model"], self._scripted.answer(request))
            return
        message = {"role": "assistant", **self._scripted.answer(request)}
        choice = {"index": 0, "logprobs": message.pop("logprobs", None)}
        self._complete(request["model"], [{**choice, "message": message, "finish_reason": _finish(message)}])

    def _complete(self, model: str, choices: list[Any]) -> None:
        usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
        fixed = {"id": "1", "object": "chat.completion", "created": 0, "model": model, "usage": usage}
        self._send(200, {**fixed, "choices": choices})

    def _respond(self, model: str, answer: Answer) -> None:
        """Send an answer in the form of OpenAI's responses."""
        calls = [{**call["function"], "call_id": call["id"]} for call in answer.get("tool_calls", ())]
        output = [{"type": "function_call", "id": f"f{c['call_id']}", "status": "completed", **c} for c in calls]
        usage = {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}
        usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        fixed = {"id": "1", "object": "response", "created_at": 0, "model": model, "status": "completed"}
        fixed |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage}
        self._send(200, {**fixed, "output": output})

    def _fail(self, fault: str) -> None:
        match fault:
            case "429":
                self._send(429, {"error": {"message": "slow down"}}, {"Retry-After": "0.05"})
            case "endless":
                self._write(200, b"[" + b" " * 2**25 + b"]", {"Content-Length": str(2**25 + 2)})
            case "bomb":
                packed = gzip.compress(b" " * 2**25)
                self._write(200, packed, {"Content-Encoding": "gzip", "Content-Length": str(len(packed))})
            case "bomb of bombs":
                packed = gzip.compress(gzip.compress(b" " * 2**25))
                self._write(200, packed, {"Content-Encoding": "gzip, gzip", "Content-Length": str(len(packed))})
            case str() if fault.startswith("wait "):
                self._send(503, {"error": {"message": "come back"}}, {"Retry-After": fault.removeprefix("wait ")})
            case "broken":
                self._write(200, b'{"id": "1", "object": "chat.completion", "choices": [{"index": 0, "mess', {})
            case "no choice":
                self._complete("tiny", [])
            case "cut":
                self._write(200, b'{"id": "1", "object": "chat.comp', {"Content-Length": "400"})
                self.close_connection = True
            case "dropped":
                self.close_connection = True
            case "hang":
                self._scripted.stopping.wait(self._scripted.hang)
                self.close_connection = True
            case "too long":
                self._send(400, {"error": {"message": "too many tokens", "code": "context_length_exceeded"}})
            case status:
                self._send(int(status), {"error": {"message": self._scripted.said or f"status {status}"}})

    def _send(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        self._write(status, json.dumps(body).encode(), headers or {})

    def _write(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        try:
            self.send_response(status)
            fixed = {"Content-Type": "application/json", "Content-Length": str(len(body))}
            for name, value in {**fixed, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        return


def _finish(message: Mapping[str, Any]) -> str:
    return "tool_calls" if message.get("tool_calls") else "stop"


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - a client that went away
        return


def _always(request: Mapping[str, Any], before: int) -> None:  # noqa: ARG001
    return None


@contextmanager
def scripted_server(
    answer: Callable[[Mapping[str, Any]], Answer],
    script: Script = _always,
    *,
    hang: float = 30,
    service: str = "scripted",
) -> Iterator[ScriptedServer]:
    """Run a server until the context ends.

    Args:
        answer: The message for a request.
        script: Which requests fail, and how.
        hang: Seconds of silence of that fault.
        service: Inspect's name for it.
    """
    scripted = ScriptedServer(answer, script, hang, service)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.scripted = scripted  # type: ignore[attr-defined]
        scripted.url = f"http://127.0.0.1:{server.server_port}/v1"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield scripted
        finally:
            scripted.stopping.set()
            server.shutdown()
