"""Reads the tools of an MCP server. The server is given by its address, or by the command that starts the server.

If a tool has the read-only hint, its effects are `read`. Otherwise its effects are `write`. No tool is called.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.secrets import command_without_secrets
from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.tools.remote.mcp import absolute, connected, is_address, reason
from toolmark.benchmark.tools.remote.mcp_pipes import Fault
from toolmark.benchmark.tools.schemas import SchemaError, check_schema, subschemas
from toolmark.benchmark.tools.sources import ToolsFile

__all__ = ["PREFIX", "read_mcp"]

PREFIX = "mcp:"

MAX_TOOLS = 1000
_SECONDS = 30.0
_MAX_REASON = 500


def read_mcp(server: str) -> ToolsFile:
    """Return the tools of a server.

    Args:
        server: The `http(s)://` address of the server, or the command that starts the server.

    Raises:
        InputError: A tool cannot be used, or `server` is not an address or command.
        EnvironmentFault: The server does not answer, or the package `mcp` is not installed.
    """
    fix = "Write an address or a command: --tools mcp:http://localhost:8000/mcp or --tools 'mcp:python server.py'"
    if not server.strip():
        raise InputError("--tools mcp: contains no server", fix)
    if is_address(server) and ("@" in urlsplit(server).netloc or urlsplit(server).query):
        raise InputError(
            "The server's address contains credentials or a query, which would be written to tools.yaml",
            "Leave out the credentials and the query.",
        )
    try:
        server = absolute(server)
    except ValueError as error:
        raise InputError(f"{server!r} is not a command: {error}", fix) from None
    shown_server = command_without_secrets(server)
    try:
        import anyio
        import mcp  # noqa: F401
    except ModuleNotFoundError as error:
        what = f"To use an MCP server, the package {error.name!r} is needed, but it is not installed"
        raise EnvironmentFault(what, "Install it: pip install 'toolmark[mcp]'") from None

    fault = Fault()

    async def listed() -> list[Any]:
        tools: list[Any] = []
        with anyio.fail_after(_SECONDS):
            async with connected(server, fault) as client:
                page = await client.list_tools()
                tools += page.tools
                while page.next_cursor and len(tools) < MAX_TOOLS:
                    page = await client.list_tools(cursor=page.next_cursor)
                    tools += page.tools
        return tools

    try:
        tools = anyio.run(listed)
    except Exception as error:
        raise EnvironmentFault(
            f"The MCP server {shown_server!r} does not list its tools: {reason(error, fault)[:_MAX_REASON]}",
            "Start the server, or correct its address or command.",
        ) from error
    if not tools:
        raise InputError(
            f"The MCP server {shown_server!r} offers no tool", "Give the address or command of another server."
        )
    made: dict[str, Tool] = {}
    for shown in tools:
        if shown.name in made:
            raise InputError(
                f"mcp {shown_server}: two tools are called {shown.name!r}", "Rename one of them in the server."
            )
        made[shown.name] = _tool(shown, server)
    places: dict[tuple[str, ...], str] = {(name,): f"mcp {shown_server}: tool {name}" for name in made}
    return ToolsFile(tuple(made.values()), {}, places)


def _tool(shown: Any, server: str) -> Tool:
    parameters = dict(shown.input_schema)
    try:
        for _, schema in list(subschemas(parameters)):
            if isinstance(schema.get("title"), str):
                del schema["title"]
        check_schema(parameters)
    except SchemaError as error:
        shown_server = command_without_secrets(server)
        what = f"mcp {shown_server}: the arguments of the tool {shown.name} are not a valid JSON Schema: {error}"
        raise InputError(what, "Correct the schema in the server.") from None
    reads = shown.annotations is not None and shown.annotations.read_only_hint is True
    return Tool(
        name=shown.name,
        description=" ".join((shown.description or "").split()),
        parameters=parameters,
        run=f"mcp:{server}:{shown.name}",
        effects="read" if reads else "write",
    )
