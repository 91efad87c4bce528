"""Starts an MCP server as a command, and exchanges messages with it over its standard input and output.

The package `mcp` has its own code for this, which reads lines of any length. If an answer is not valid, the code of the
package waits for another answer until the time limit. In this module, the length of a line is limited, and an invalid
answer is an error at once. Other lines that are not messages are ignored.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from toolmark.benchmark.core.bounded_http import json_object
from toolmark.benchmark.core.child_processes import guarded, kill_group
from toolmark.benchmark.core.secrets import redacted

__all__ = ["MAX_LINE", "Fault", "started"]

MAX_LINE = 16 * 2**20
"""The longest line that is read from a server, in bytes."""

_MAX_OTHERS = 2000
"""If a server writes this number of lines in a row that are not answers, nothing more is read from the server. For
example, notifications are not answers."""

_SECONDS_TO_END = 2.0

_SECONDS_FOR_LAST_OUTPUT = 1.0
"""After a server has closed its output, its standard error is read for at most this time."""

_LONGEST_LAST_OUTPUT = 4096
_MOST_LAST_LINES = 3


class Fault:
    """A fault of a server or of its connection.

    Attributes:
        reason: Why the server cannot be used any more. Empty as long as the server can be used.
        last_output: The last bytes that the server wrote to its standard error. They can contain secrets.
    """

    def __init__(self) -> None:
        self.reason = ""
        self.last_output = b""

    def last_lines(self) -> str:
        """Return the last lines that the server wrote to its standard error, as one line. Known secrets are hidden."""
        lines = [line.strip() for line in self.last_output.decode(errors="replace").splitlines()]
        if len(self.last_output) == _LONGEST_LAST_OUTPUT:
            del lines[:1]  # The beginning of this line was cut off, perhaps in the middle of a secret.
        return redacted(" / ".join([line for line in lines if line][-_MOST_LAST_LINES:]))


@asynccontextmanager
async def started(command: Sequence[str], fault: Fault) -> AsyncIterator[tuple[Any, Any]]:
    """Start a server, and yield two streams. A client of the package `mcp` reads and writes messages through them.

    Some servers need API keys, so the server gets all environment variables of the user. This is allowed, because the
    user chose the server.

    Args:
        command: The program and its arguments.
        fault: Its `reason` is set if the server closes its input or output, writes a very long line, or writes too many
            lines without an answer.

    Raises:
        FileNotFoundError: The program does not exist.
    """
    import anyio
    from anyio.streams.buffered import BufferedByteReceiveStream
    from mcp.shared.message import SessionMessage

    incoming, read = anyio.create_memory_object_stream[Any](0)
    write, outgoing = anyio.create_memory_object_stream[Any](0)
    process: Any = await anyio.open_process(
        guarded(command), stderr=subprocess.PIPE, env=dict(os.environ), start_new_session=True
    )
    silent = anyio.Event()
    lines = BufferedByteReceiveStream(process.stdout)
    broken = (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)

    async def receive() -> None:
        others = 0  # the number of lines since the last answer
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
                with anyio.move_on_after(_SECONDS_FOR_LAST_OUTPUT):
                    await silent.wait()
                fault.reason = "the server closed its output"

    async def listen() -> None:
        # A server whose standard error is not read waits when the pipe is full.
        with suppress(*broken):
            async for part in process.stderr:
                fault.last_output = (fault.last_output + part)[-_LONGEST_LAST_OUTPUT:]
        silent.set()

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
            tasks.start_soon(listen)
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
    """Return the message in a line, or None if the line is not a message.

    If the line is an invalid answer to a request, return an error answer to this request. Then the client does not wait
    until the time limit.
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
    """Close the input of a server. If the server does not end after that, terminate it. If it still runs, kill it."""
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
