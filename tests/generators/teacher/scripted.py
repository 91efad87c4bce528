"""A real OpenAI-compatible server on loopback that plays the three roles and misbehaves as it is told.

What it answers follows from the request alone; whether it fails follows from a seeded draw a request.

    python scripted.py PORT_FILE LOG_FILE FAILURES SILENCES
"""

from __future__ import annotations

import json
import random
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FAULTS = ("429", "500", "cut", "empty", "hang-up", "silence")
"""What it does in place of an answer; `silence` becomes `hang-up` after so many times."""
SILENCE = 6.0
"""Seconds, more than a client waits."""


def _writer(text: str) -> str:
    count = int(re.search(r"Write (\d+) different", text)[1])  # type: ignore[index]
    tool = re.search(r'"name": "(\w+)"', text)
    marked = "hard" if "They are hard" in text else "easy"
    about = tool[1] if tool else re.search(r"about ([^.]+) that", text)[1]  # type: ignore[index]
    draw = re.search(r"draw number (\d+)", text)
    number = sum(map(ord, text)) % 997

    def words(index: int) -> str:
        drawn = random.Random(f"{text}/{index}")
        return " ".join("".join(drawn.choices("abcdefghijklmnoprstuvw", k=7)) for _ in range(4))

    queries = [
        f"{marked} {about} {draw[1] if draw else number} please, {words(index)}, {index * 7 + number}"
        for index in range(count)
    ]
    return json.dumps({"queries": queries})


def reply_to(messages: list[dict[str, Any]]) -> str:
    """The right reply, or in one case of six a wrong one that a correction mends; in one of forty nothing mends it."""
    text = "\n".join(message["content"] for message in messages)
    first = messages[0]["content"]
    corrected = "That cannot be used" in messages[-1]["content"]
    if first.startswith("You write what users"):
        right = _writer(first)
        wrong = [right[:-9], '{"questions": []}', "Here are some questions for you!"]
        query = first
    elif first.startswith("A user asked an assistant"):
        result = first.split("got this result:\n\n")[1].split("\n\n")[0]
        right, wrong, query = f"It says {result}.", ["Certainly!"], first.split("\n\n")[1]
    else:
        query = next(message["content"] for message in messages if message["role"] == "user")
        if query.split()[1] in ("add", "send_email"):
            arguments = {"a": int(query.split()[-1]), "b": 2} if " add " in query else {"to": "ada@example.org"}
            name = query.split()[1]
            right = json.dumps({"name": name, "arguments": arguments})
            wrong = [
                right[:-4],
                json.dumps({"name": name, "arguments": {"a": "many"}}),
                json.dumps({"name": "no_such_tool", "arguments": {}}),
                "I would rather talk about it.",
            ]
        else:
            right, wrong = "That is generally known.", ['{"name": "add", "arguments": {"a": 1, "b": 2}}']
    number = sum(map(ord, query))
    if number % 40 == 0 and not first.startswith("You write"):
        return wrong[number % len(wrong)]
    return wrong[number % len(wrong)] if number % 6 == 0 and not corrected and text else right


class _Teacher(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    failures = 0.0
    log = Path()
    draws = random.Random(5)
    lock = threading.Lock()
    silences = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not body:
            self.close_connection = True
            return
        request = json.loads(body)
        with self.lock:
            roll = self.draws.random()
            fault = self.draws.choice(FAULTS)
            if roll < self.failures and fault == "silence":
                type(self).silences -= 1
                fault = fault if self.silences >= 0 else "hang-up"
        if roll < self.failures:
            self._fail(fault)
            return
        content = reply_to(request["messages"])
        with self.lock, self.log.open("a") as log:
            log.write(json.dumps([request["model"], request["messages"][-1]["content"][:60]]) + "\n")
        self._send(
            200,
            json.dumps(
                {
                    "id": "1",
                    "object": "chat.completion",
                    "created": 0,
                    "model": request["model"],
                    "choices": [
                        {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
                    ],
                    "usage": {"prompt_tokens": len(body) // 4, "completion_tokens": 20, "total_tokens": len(body) // 4},
                }
            ).encode(),
        )

    def _fail(self, fault: str) -> None:
        with self.lock, self.log.open("a") as log:
            log.write(json.dumps([fault, ""]) + "\n")
        match fault:
            case "429":
                self._send(429, b'{"error": {"message": "slow down"}}', {"Retry-After": "0.05"})
            case "500":
                self._send(500, b'{"error": {"message": "broken"}}')
            case "cut":
                self._send(200, b'{"id": "1", "object": "chat.completion", "choices": [{"index": 0, "mess')
            case "empty":
                self._send(200, b'{"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": []}')
            case "silence":
                time.sleep(SILENCE)
                self.close_connection = True
            case _:
                self.close_connection = True

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        try:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        return


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - a client that went away
        return


if __name__ == "__main__":
    port_file, log_file, failures, silences = sys.argv[1:]
    _Teacher.failures, _Teacher.silences, _Teacher.log = float(failures), int(silences), Path(log_file)
    _Teacher.log.touch()
    with _Server(("127.0.0.1", 0), _Teacher) as server:
        Path(port_file).write_text(str(server.server_port))
        server.serve_forever()
