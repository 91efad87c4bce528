"""Calls tools of an MCP server.

The server is an `http(s)://` address, or a command that is started and used over its pipes.

All asynchronous code runs in one background thread, which ends with the process. A process connects to each server only
once, even if several of the server's tools are called.
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

__all__ = ["absolute", "bound", "connected"]

_open = ExitStack()


def absolute(server: str) -> str:
    """`server` with absolute paths for the files in the command, so that the command works in every folder."""
    if is_address(server):
        return server
    # Links are not resolved. Python is often started through a link, and needs this link to find its virtual
    # environment.
    return shlex.join(str(Path(word).absolute()) if Path(word).is_file() else word for word in shlex.split(server))


def is_address(server: str) -> bool:
    """Whether `server` is an address instead of a command."""
    return server.startswith(("http://", "https://"))


def connected(server: str) -> AbstractAsyncContextManager[Any]:
    """A client of `server`. It is a context manager that connects the client to the server."""
    from mcp import Client, StdioServerParameters, stdio_client

    # The variable is annotated, because the package mcp is optional. If it is not installed, there are no types.
    client: AbstractAsyncContextManager[Any]
    if is_address(server):
        client = Client(server)
        return client
    command, *words = guarded(shlex.split(server))
    # The user named the server, and it may need API keys of the user's environment.
    parameters = StdioServerParameters(command=command, args=words, env=dict(os.environ))
    quiet = _open.enter_context(Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - _open closes it
    client = Client(stdio_client(parameters, errlog=quiet))
    return client


@cache
def _session(server: str) -> tuple[Any, Any]:
    """The portal of the background thread, and a connected client that runs in this thread."""
    from anyio.from_thread import start_blocking_portal

    portal = _open.enter_context(start_blocking_portal())
    return portal, _open.enter_context(portal.wrap_async_context_manager(connected(server)))


def bound(source: str, name: str) -> Callable[..., Any]:
    """The tool `name` of the server `source` as a function. The function's attribute `connect` starts the server."""

    def call(**arguments: Any) -> Any:
        portal, client = _session(source)
        return _value(portal.call(client.call_tool, name, arguments))

    call.connect = lambda: _session(source)  # type: ignore[attr-defined]
    return call


def _value(result: Any) -> Any:
    """The structured content of a result. If there is none, the result's text, which is decoded if it is JSON.

    Raises:
        ValueError: The tool reports an error.
    """
    text = "\n".join(part.text for part in result.content if getattr(part, "text", None) is not None)
    if result.is_error:
        raise ValueError(text or "the tool failed and gave no reason")
    structured = result.structured_content
    if structured is not None:
        # The protocol wraps a value that is not an object.
        wrapped = isinstance(structured, dict) and list(structured) == ["result"]
        return structured["result"] if wrapped else structured
    try:
        return json.loads(text)
    except ValueError:
        return text
