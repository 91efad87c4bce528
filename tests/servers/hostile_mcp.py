"""An MCP server over its pipes that breaks the protocol in the way that its argument names.

    python hostile_mcp.py WAY

It speaks the protocol by hand, so that it can write anything. Only the tool's result is wrong; its list of tools is
right, if WAY does not begin with `list`.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

PARAMETERS = {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}
TOOL = {
    "name": "price",
    "description": "What an item costs.",
    "inputSchema": PARAMETERS,
    "annotations": {"readOnlyHint": True},
}


def write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def send(number: Any, **fields: Any) -> None:
    write(json.dumps({"jsonrpc": "2.0", "id": number, **fields}))


def answer(number: Any, text: str = "7", **fields: Any) -> None:
    send(number, result={"content": [{"type": "text", "text": text}], **fields})


def misbehave(way: str, number: Any) -> None:
    """Answer a call."""
    match way:
        case "garbage":
            write("Traceback (most recent call last):\x1b[2J\n\n{]}\n[[[[\n" + "[" * 100_000)
            write(json.dumps({"jsonrpc": "3.0", "method": 7}))
            answer(number)
        case "other ids":
            for wrong in (None, -1, "x", 1.5, 10**30, [1], {"a": 1}, True):
                answer(wrong, "wrong")
            answer(number)
        case "notifications":
            for count in range(500):
                write(json.dumps({"jsonrpc": "2.0", "method": f"notifications/{count}", "params": {"x": [count]}}))
            answer(number)
        case "endless notifications":
            message = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x" * 1000}})
            while True:
                sys.stdout.write((message + "\n") * 100)
        case "twice":
            answer(number)
            answer(number, "8")
        case "long line" | "list: long line":
            for _ in range(300):  # 300 MB without an end
                sys.stdout.write("x" * 1_000_000)
        case "exit" | "list: exit":
            sys.exit(3)
        case "silence" | "list: silence":
            time.sleep(600)
        case "no result":
            send(number)
        case "result of another type":
            send(number, result=[1, 2])
        case "content of another type":
            send(number, result={"content": {"type": "text"}})
        case "deep":
            write(f'{{"jsonrpc": "2.0", "id": {number}, "result": {{"content": [], "structuredContent": ')
            answer(number, "[" * 100_000)
        case "asks in return":
            send("mine", method="sampling/createMessage", params={"messages": [], "maxTokens": 1})
            send("more", method="elicitation/create", params={"message": "Your key?", "requestedSchema": {}})
            send("last", method="roots/list")
            answer(number)
        case "error":
            send(number, error={"code": -32000, "message": f"no \x1b[2J {sys.argv[-1]}"})
        case _:
            answer(number)


def serve(way: str) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        number, method = request.get("id"), request.get("method")
        if number is None or method is None:
            continue
        if method == "initialize":
            version = request["params"]["protocolVersion"]
            about = {"name": "hostile", "version": "1"}
            send(number, result={"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about})
        elif method == "tools/list":
            if way.startswith("list"):
                misbehave(way, number)
            else:
                send(number, result={"tools": [TOOL]})
        elif method == "tools/call":
            misbehave(way, number)
        else:
            send(number, error={"code": -32601, "message": "Method not found"})


if __name__ == "__main__":
    serve(sys.argv[1])
