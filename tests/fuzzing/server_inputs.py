"""Damaged replies of servers: answers of an MCP server, and damaged replies of a model server."""

from __future__ import annotations

import json
import shlex
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzzing.input_kinds import InputKind
from tests.fuzzing.mutations import damaged
from tests.servers.replayed_mcp import ID

__all__ = ["SERVER_INPUTS"]

SERVER = Path(__file__).parents[1] / "servers" / "replayed_mcp.py"
PARAMETERS = {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}
TOOL = {"name": "price", "description": "What an item costs.", "parameters": PARAMETERS}
CASE = {
    "messages": [{"role": "user", "content": "What does ink cost?"}],
    "toolbox": [TOOL],
    "expect": {"action": "call", "any_of": [{"calls": [{"name": "price", "arguments": {"item": ["ink"]}}]}]},
    "source": {"name": "made", "ref": "1"},
    "licence": "CC0-1.0",
    "split": "test",
}


def _answer(result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": int(ID), "result": result}).encode()


ANSWERS = {
    "initialize": _answer(
        {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": "shop", "version": "1"},
        }
    ),
    "tools-list": _answer(
        {
            "tools": [
                {
                    "name": "price",
                    "description": TOOL["description"],
                    "inputSchema": PARAMETERS,
                    "outputSchema": {"type": "object", "properties": {"result": {"type": "number"}}},
                    "annotations": {"readOnlyHint": True},
                }
            ]
        }
    ),
    "tools-call": _answer(
        {"content": [{"type": "text", "text": "2.5"}], "structuredContent": {"result": 2.5}, "isError": False}
    ),
    "server-discover": json.dumps(
        {"jsonrpc": "2.0", "id": int(ID), "error": {"code": -32601, "message": "Method not found"}}
    ).encode(),
}


def _mcp(random: Random, folder: Path) -> list[str]:
    hurt = random.choice(("initialize", "tools-list", "tools-list", "tools-call", "tools-call", "server-discover"))
    for name, content in ANSWERS.items():
        (folder / name).write_bytes(damaged(content, random, "json") if name == hurt else content)
    (folder / "few.test.jsonl").write_text(json.dumps(CASE) + "\n")
    server = "mcp:" + shlex.join([sys.executable, "-IS", str(SERVER), str(folder)])
    if hurt == "tools-call":
        judged = ["eval", "--model", "policy/oracle", "--cases", "few.test.jsonl", "--runs", "runs", "-q"]
        return [*judged, "--tools", server, "--execute", "read"]
    return ["cases", "stats", "few.test.jsonl", "--tools", server]


CALL = {"name": "price", "arguments": '{"item": "ink"}'}
CHAT = {
    "id": "1",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Let me look.",
                "reasoning_content": "It is asked for a price.",
                "tool_calls": [{"id": "c", "type": "function", "function": CALL}],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
}
RESPONSE = {
    "id": "1",
    "object": "response",
    "created_at": 0,
    "model": "gpt-5",
    "status": "completed",
    "output": [
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "A price."}]},
        {
            "type": "message",
            "id": "m",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Let me look.", "annotations": []}],
        },
        {"type": "function_call", "id": "f", "call_id": "c", "status": "completed", **CALL},
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 7,
        "output_tokens": 5,
        "total_tokens": 12,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"


class _Replies(socketserver.StreamRequestHandler):
    """Answers a request with the bytes that were kept for the model that it names."""

    timeout = 10

    def handle(self) -> None:
        with suppress(OSError, ValueError):
            length = 0
            while (line := self.rfile.readline(2**16)).strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            request = json.loads(self.rfile.read(length))
            self.wfile.write(self.server.replies[request["model"]])  # type: ignore[attr-defined]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Replies)
        self.replies: dict[str, bytes] = {}

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the client went away
        return


@cache
def _server() -> _Server:
    """One server for all tries of this process. It ends with the process."""
    server = _Server()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def _variables() -> Mapping[str, str]:
    """Return the variables by which Inspect finds the server."""
    url = f"http://127.0.0.1:{_server().server_address[1]}/v1"
    return {
        f"{name}_{end}": value
        for name in ("FUZZED", "OPENAI")
        for end, value in (("BASE_URL", url), ("API_KEY", "none"))
    }


def _model_server(provider: str, model: str, good: Any) -> Callable[[Random, Path], Sequence[str]]:
    def make(random: Random, folder: Path) -> list[str]:
        body = json.dumps(good).encode()
        if random.random() < 0.15:
            reply = damaged(_HEAD + body, random, "bytes")
        else:
            head = _HEAD if random.random() < 0.8 else _HEAD.replace(b"200", random.choice((b"400", b"429", b"500")))
            reply = head + damaged(body, random, "json")
        name = f"{model}-{random.getrandbits(64):x}"
        _server().replies[name] = reply
        (folder / "few.test.jsonl").write_text(json.dumps(CASE) + "\n")
        asked = ["eval", "--model", f"{provider}/{name}", "--cases", "few.test.jsonl", "--runs", "runs", "-q"]
        return [*asked, "--dialect", "native", "--request-retries", "0", "--request-timeout", "8"]

    return make


SERVER_INPUTS = (
    InputKind("mcp server", _mcp, quick=1),
    InputKind("chat server", _model_server("openai-api/fuzzed", "m", CHAT), quick=1, environment=_variables),
    InputKind("responses server", _model_server("openai", "gpt-5", RESPONSE), quick=1, environment=_variables),
)
