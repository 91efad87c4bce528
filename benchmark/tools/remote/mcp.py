"""Calls tools of an MCP server.

The server is named by an `http(s)://` address, or by a command that starts the server. In the second case, messages go
over the standard input and output of the server.

All asynchronous code runs in a background thread. A process connects to each server only once. If a server cannot be
reached or breaks the protocol, the calls of its tools fail, but the run goes on.
"""

from __future__ import annotations

import json
import logging
import math
import shlex
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolmark.benchmark.core.bounded_bodies import limit_bodies
from toolmark.benchmark.core.secrets import HIDDEN, redacted, remember_command
from toolmark.benchmark.tools.remote.mcp_pipes import MAX_LINE, Fault, started

__all__ = ["absolute", "bound", "connected", "reason"]

_SECONDS = 20.0
"""The longest time of one request, and the longest time to connect. The sandbox has a longer limit for a call. So if a
server does not answer, the call ends before the sandbox ends the worker, and the server need not be started again."""

_MAX_SILENT = 3
"""If a server does not answer this number of calls in a row, the server is not asked again."""

_open = ExitStack()


def absolute(server: str) -> str:
    """Return `server`, with absolute paths for the files in a command, so that the command works in every folder."""
    if is_address(server):
        return server
    # Links are not resolved, because the `python` of a virtual environment is a link and works only as this link.
    return shlex.join(str(Path(word).absolute()) if _is_file(word) else word for word in shlex.split(server))


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except OSError:  # for example if the word is too long for a name of a file
        return False


def is_address(server: str) -> bool:
    """Return whether `server` is an address and not a command."""
    return server.startswith(("http://", "https://"))


@asynccontextmanager
async def connected(server: str, fault: Fault) -> AsyncIterator[Any]:
    """Connect to `server`, and yield a client of the package `mcp`.

    Args:
        server: The address or the command of the server. It must come from the user and not from data.
        fault: Its `reason` is set if the connection breaks.
    """
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    remember_command(server)
    # The logs of the package are hidden, because it logs a traceback for every invalid message of a server.
    logging.getLogger("mcp").addHandler(logging.NullHandler())
    logging.getLogger("mcp").propagate = False
    async with AsyncExitStack() as stack:
        transport: Any
        if is_address(server):
            web = await stack.enter_async_context(httpx2.AsyncClient(timeout=_SECONDS, follow_redirects=False))
            limit_bodies(web, MAX_LINE)
            transport = streamable_http_client(server, http_client=web)
        else:
            transport = started(shlex.split(server), fault)
        yield await stack.enter_async_context(Client(transport, read_timeout_seconds=_SECONDS))


class _Session:
    """A connection to a server. A background thread keeps the connection open."""

    def __init__(self, server: str) -> None:
        from anyio.from_thread import start_blocking_portal

        self._fault = Fault()
        self._portal = _open.enter_context(start_blocking_portal())
        self._client: Any = None
        self._silent = 0  # the number of calls in a row that the server did not answer
        try:
            context = self._portal.wrap_async_context_manager(_in_time(server, self._fault))
            self._client = _open.enter_context(context)
        except Exception as error:
            self._fault.reason = f"the server cannot be used: {reason(error, self._fault)}"

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool, and return its result.

        Raises:
            ValueError: The server does not answer, or breaks the protocol.
        """
        if self._fault.reason:
            raise ValueError(self._fault.reason)
        try:
            result = self._portal.call(self._client.call_tool, name, arguments)
        except Exception as error:
            self._silent = self._silent + 1 if _is_late(error) else 0
            if self._silent == _MAX_SILENT:
                self._fault.reason = f"the server did not answer {_MAX_SILENT} calls in a row, so it is not asked again"
            raise ValueError(reason(error, self._fault)) from None
        self._silent = 0
        return result


@asynccontextmanager
async def _in_time(server: str, fault: Fault) -> AsyncIterator[Any]:
    import anyio

    with anyio.fail_after(_SECONDS) as limit:
        async with connected(server, fault) as client:
            limit.deadline = math.inf
            yield client


_session = cache(_Session)


def reason(error: BaseException, fault: Fault) -> str:
    """Return in one line why a server failed.

    Args:
        error: The error that the package `mcp` raised.
        fault: The fault of the connection. If it has a reason, this reason is returned.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if fault.reason:
        return fault.reason
    if _is_late(error):
        return f"no answer in {_SECONDS:g} s"
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"the answer of the server is not valid: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    return " ".join(redacted(str(error)).split()) or type(error).__name__


def _is_late(error: BaseException) -> bool:
    from mcp_types import REQUEST_TIMEOUT

    code = getattr(getattr(error, "error", None), "code", None)
    return isinstance(error, TimeoutError) or code == REQUEST_TIMEOUT


def bound(source: str, name: str) -> Callable[..., Any]:
    """Return a function that calls the tool `name` of the server `source`.

    The returned function has an attribute `connect`: a function that starts the server or connects to it.

    Raises:
        ValueError: `source` was stored without its secrets, so the server cannot be started.
    """
    if HIDDEN in source:
        raise ValueError(
            "the command of the server was stored without its API keys. Give the whole command: --tools 'mcp:COMMAND'"
        )

    def call(**arguments: Any) -> Any:
        return _value(_session(source).call(name, arguments))

    call.connect = lambda: _session(source)  # type: ignore[attr-defined]
    return call


def _value(result: Any) -> Any:
    """Return the structured content of a result.

    If there is no structured content, return the value of the result's text as JSON. If the text is not JSON, return
    the text.

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
    except (ValueError, RecursionError):
        return text
