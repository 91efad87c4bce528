"""An OpenAI-compatible server on loopback whose replies are made byte by byte, so that they can be wrong in any way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Body", "chat_server", "completion", "events"]

Body = bytes | Iterator[bytes]
Reply = tuple[int, str, Body]
"""Status, media type, and body. A body of several parts may have no end."""


def completion(
    text: str | None = None,
    calls: list[tuple[str, Any]] | None = None,
    *,
    prompt: int | None = 20,
    written: int = 5,
    reason: str | None = None,
    logprobs: str | None = None,
) -> Reply:
    """A completion with everything that a run reads.

    Args:
        text: The text of the message.
        calls: Names and arguments of the calls.
        prompt: Tokens of the prompt. None leaves out the usage.
        written: Tokens of the reply.
        reason: The finish_reason, if it is not the usual one.
        logprobs: The model's own text.
    """
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls is not None:
        message["tool_calls"] = [
            {"id": str(number), "type": "function", "function": {"name": name, "arguments": arguments}}
            for number, (name, arguments) in enumerate(calls)
        ]
    usual = "tool_calls" if calls else "stop"
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": reason or usual}
    if logprobs is not None:
        choice["logprobs"] = {"content": [{"token": "?", "bytes": list(logprobs.encode())}]}
    body: dict[str, Any] = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
    if prompt is not None:
        body["usage"] = {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}
    return 200, "application/json", json.dumps(body).encode()


def events(whole: Reply) -> Reply:
    """The same completion as a stream, its texts and arguments cut in two."""
    body = json.loads(whole[2])  # type: ignore[arg-type]
    choice = body["choices"][0]
    message = choice["message"]
    deltas: list[dict[str, Any]] = []
    text = message["content"] or ""
    deltas += [{"content": part} for part in (text[:3], text[3:]) if part]
    for index, call in enumerate(message.get("tool_calls", ())):
        function = call["function"]
        first, rest = function["arguments"][:4], function["arguments"][4:]
        deltas.append({"tool_calls": [{"index": index, "function": {"name": function["name"], "arguments": first}}]})
        deltas.append({"tool_calls": [{"index": index, "function": {"arguments": rest}}]})
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
    chunks.append({"choices": [], "usage": body.get("usage")})
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return 200, "text/event-stream", "".join([*lines, "data: [DONE]\n\n"]).encode()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, kind, body = self.server.answer(request, self.headers)  # type: ignore[attr-defined]
        with suppress(OSError):  # the client may go away
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            for part in [body] if isinstance(body, bytes) else body:
                self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def chat_server(answer: Callable[[Mapping[str, Any], Mapping[str, str]], Reply]) -> Iterator[str]:
    """Run a server until the context ends, and yield its address up to `/v1`.

    Args:
        answer: The reply to a request with these headers.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        server.answer = answer  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
