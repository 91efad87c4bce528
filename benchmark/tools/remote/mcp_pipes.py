"""Starts an MCP server as a command, and exchanges messages with it over its standard input and output.

The package `mcp` reads lines of any length, and waits for an answer until the time limit if the answer is not valid.
Here, the length of a line is limited, and an invalid answer is an error at once. Other lines that are not messages are
ignored.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from toolmark.benchmark.core.bounded_http import json_object
from toolmark.benchmark.core.child_processes import guarded, kill_group

__all__ = ["MAX_LINE", "Fault", "started"]

MAX_LINE = 16 * 2**20
"""The longest line that is read from a server, in bytes."""

_MAX_OTHERS = 2000
"""After this number of lines that are not answers, for example notifications, a server is not read any more."""

_SECONDS_TO_END = 2.0


class Fault:
    """Why a server cannot be used any more.

    Attributes:
        reason: The reason. Empty as long as the server can be used.
    """

    def __init__(self) -> None:
        self.reason = ""


@asynccontextmanager
async def started(command: Sequence[str], fault: Fault) -> AsyncIterator[tuple[Any, Any]]:
    """Start a server, and yield the streams of its messages, which a client of the package `mcp` reads and writes.

    The server gets the user's environment, because it may need API keys. The user chose the server.

    Args:
        command: The program and its arguments.
        fault: Gets the reason if the server closes its output or writes a line that is too long.

    Raises:
        FileNotFoundError: The program does not exist.
    """
    import anyio
    from anyio.streams.buffered import BufferedByteReceiveStream
    from mcp.shared.message import SessionMessage

    incoming, read = anyio.create_memory_object_stream[Any](0)
    write, outgoing = anyio.create_memory_object_stream[Any](0)
    process: Any = await anyio.open_process(
        guarded(command), stderr=subprocess.DEVNULL, env=dict(os.environ), start_new_session=True
    )
    lines = BufferedByteReceiveStream(process.stdout)
    broken = (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)

    async def receive() -> None:
        others = 0  # lines since the last answer
        async with incoming:
            try:
                while others < _MAX_OTHERS:
                    message = _message(await lines.receive_until(b"\n", MAX_LINE))
                    others = others + 1 if message is None or hasattr(message, "method") else 0
                    if message is not None:
                        await incoming.send(SessionMessage(message))
                fault.reason = f"the server wrote {_MAX_OTHERS:,} lines in a row that are not answers"
            except anyio.DelimiterNotFound:
                fault.reason = f"the server wrote a line of more than {MAX_LINE // 2**20} MiB"
            except broken:
                fault.reason = "the server closed its output"

    async def send() -> None:
        async with outgoing:
            try:
                async for message in outgoing:
                    text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await process.stdin.send(text.encode() + b"\n")
            except broken:
                fault.reason = fault.reason or "the server closed its input"

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receive)
            tasks.start_soon(send)
            try:
                yield read, write
            finally:
                tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


def _message(line: bytes) -> Any:
    """Return the message in a line. None if the line is not a message.

    If the line is an invalid answer to a request, an error is returned, so that the request does not wait any longer.
    """
    from mcp_types import INTERNAL_ERROR, jsonrpc_message_adapter

    try:
        return jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        fields = json_object(line) or {}
    number = fields.get("id")
    if "method" in fields or isinstance(number, bool) or not isinstance(number, int | str):
        return None
    error = {"code": INTERNAL_ERROR, "message": "the answer of the server has neither a valid result nor a valid error"}
    return jsonrpc_message_adapter.validate_python({"jsonrpc": "2.0", "id": number, "error": error})


async def _end(process: Any) -> None:
    """Close the input of a server. A server that does not end then is terminated, and at last killed."""
    import anyio

    with anyio.move_on_after(_SECONDS_TO_END):
        await process.stdin.aclose()
        await process.wait()
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(_SECONDS_TO_END):
            await process.wait()
    kill_group(process.pid)
    with anyio.move_on_after(_SECONDS_TO_END):
        await process.aclose()
