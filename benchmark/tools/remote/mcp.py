"""Calls tools of an MCP server.

The server is given as an `http(s)://` address, or as a command. The command is started, and its standard input and
output are used.

All asynchronous code runs in a background thread. A process connects to each server only once.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.child_processes import guarded
from toolmark.benchmark.core.secrets import HIDDEN

__all__ = ["absolute", "bound", "connected"]

_open = ExitStack()


def absolute(server: str) -> str:
    """Return `server` with absolute paths of the files in the command, so that the command works in every folder."""
    if is_address(server):
        return server
    # Links are not resolved, because the `python` of a virtual environment is a link and works only as this link.
    return shlex.join(str(Path(word).absolute()) if Path(word).is_file() else word for word in shlex.split(server))


def is_address(server: str) -> bool:
    """Return whether `server` is an address and not a command."""
    return server.startswith(("http://", "https://"))


def connected(server: str) -> AbstractAsyncContextManager[Any]:
    """Return a client of `server`. Use the client in an `async with` statement, which connects it to the server."""
    from mcp import Client, StdioServerParameters, stdio_client

    # The type is written here, because the optional package mcp may not be installed when types are checked.
    client: AbstractAsyncContextManager[Any]
    if is_address(server):
        client = Client(server)
        return client
    command, *words = guarded(shlex.split(server))
    # The server gets the user's environment, because it may need API keys. The user chose the server.
    parameters = StdioServerParameters(command=command, args=words, env=dict(os.environ))
    quiet = _open.enter_context(Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - `_open` closes the file
    client = Client(stdio_client(parameters, errlog=quiet))
    return client


@cache
def _session(server: str) -> tuple[Any, Any]:
    """Return anyio's portal to the background thread, and a connected client that runs in this thread."""
    from anyio.from_thread import start_blocking_portal

    portal = _open.enter_context(start_blocking_portal())
    return portal, _open.enter_context(portal.wrap_async_context_manager(connected(server)))


def bound(source: str, name: str) -> Callable[..., Any]:
    """Return a function that calls the tool `name` of the server `source`.

    The function has an attribute `connect`, which is a function that starts the server.

    Raises:
        ValueError: The command of the server was written without its secrets.
    """
    if HIDDEN in source:
        raise ValueError("the command was stored without its keys. Name the server: --tools 'mcp:COMMAND'")

    def call(**arguments: Any) -> Any:
        portal, client = _session(source)
        return _value(portal.call(client.call_tool, name, arguments))

    call.connect = lambda: _session(source)  # type: ignore[attr-defined]
    return call


def _value(result: Any) -> Any:
    """Return the structured content of a result. If there is none, return the text, decoded as JSON if possible.

    Raises:
        ValueError: The tool reports an error.
    """
    text = "\n".join(part.text for part in result.content if getattr(part, "text", None) is not None)
    if result.is_error:
        raise ValueError(text or "the tool failed and gave no reason")
    structured = result.structured_content
    if structured is not None:
        # If the value is not an object, the protocol wraps the value as {"result": value}.
        wrapped = isinstance(structured, dict) and list(structured) == ["result"]
        return structured["result"] if wrapped else structured
    try:
        return json.loads(text)
    except ValueError:
        return text
