"""Calls a tool of an MCP server: an `http(s)://` address, or a command that is started and spoken to over its pipes.

Everything asynchronous runs in one background thread of this process, which lives as long as the process: one server
a process, however many of its tools are called.
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

__all__ = ["absolute", "bound", "connected"]

_open = ExitStack()


def absolute(server: str) -> str:
    """`server` with the files in its command by their whole paths, so that it means the same in every folder."""
    if is_address(server):
        return server
    # Links stay: a virtual environment is told by the link through which its Python is called.
    return shlex.join(str(Path(word).absolute()) if Path(word).is_file() else word for word in shlex.split(server))


def is_address(server: str) -> bool:
    """Whether `server` is an address and not a command."""
    return server.startswith(("http://", "https://"))


def connected(server: str) -> AbstractAsyncContextManager[Any]:
    """A client of `server`, to be entered."""
    from mcp import Client, StdioServerParameters, stdio_client

    # Named with its type, for mcp is optional and then has none.
    client: AbstractAsyncContextManager[Any]
    if is_address(server):
        client = Client(server)
        return client
    command, *words = shlex.split(server)
    # The user named the server; it may need the keys of the user's environment.
    parameters = StdioServerParameters(command=command, args=words, env=dict(os.environ))
    quiet = _open.enter_context(Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - _open closes it
    client = Client(stdio_client(parameters, errlog=quiet))
    return client


@cache
def _session(server: str) -> tuple[Any, Any]:
    """The background thread's portal, and a connected client in it."""
    from anyio.from_thread import start_blocking_portal

    portal = _open.enter_context(start_blocking_portal())
    return portal, _open.enter_context(portal.wrap_async_context_manager(connected(server)))


def bound(source: str, name: str) -> Callable[..., Any]:
    """The tool `name` of the server `source` as a function; its `connect` starts the server."""

    def call(**arguments: Any) -> Any:
        portal, client = _session(source)
        return _value(portal.call(client.call_tool, name, arguments))

    call.connect = lambda: _session(source)  # type: ignore[attr-defined]
    return call


def _value(result: Any) -> Any:
    """The structured result, else the JSON or plain text of what was returned.

    Raises:
        ValueError: The tool reports an error.
    """
    text = "\n".join(part.text for part in result.content if getattr(part, "text", None) is not None)
    if result.is_error:
        raise ValueError(text or "the tool failed without a reason")
    structured = result.structured_content
    if structured is not None:
        # A value that is no object travels wrapped.
        wrapped = isinstance(structured, dict) and list(structured) == ["result"]
        return structured["result"] if wrapped else structured
    try:
        return json.loads(text)
    except ValueError:
        return text
