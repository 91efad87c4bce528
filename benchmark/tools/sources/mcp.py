"""Reads the tools of an MCP server. The server is named by its address, or by the command that starts the server.

If a tool has the read-only hint, its effects are `read`. Otherwise its effects are `write`. No tool is called.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.secrets import command_without_secrets
from toolmark.benchmark.core.strict_json import check_json
from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.tools.remote.mcp import absolute, connected, is_address, reason
from toolmark.benchmark.tools.remote.mcp_pipes import Fault
from toolmark.benchmark.tools.schemas import SchemaError, check_schema, subschemas
from toolmark.benchmark.tools.sources import GoodTools, LocatedError, ToolsFile

__all__ = ["PREFIX", "read_mcp"]

PREFIX = "mcp:"

MAX_TOOLS = 1000
_SECONDS = 30.0
_MAX_REASON = 500


def read_mcp(server: str) -> ToolsFile:
    """Return the tools of a server. A tool that is not valid is left out with a note.

    Args:
        server: The `http(s)://` address of the server, or the command that starts the server.

    Raises:
        InputError: The server has no valid tool, or `server` is neither an address nor a command.
        EnvironmentFault: The server does not answer, or the package `mcp` is not installed.
    """
    fix = "Write an address or a command: --tools mcp:http://localhost:8000/mcp or --tools 'mcp:python server.py'"
    if not server.strip():
        raise InputError("there is no server after --tools mcp:", fix)
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
                cursor: str | None = None
                while len(tools) < MAX_TOOLS:
                    page = await _page(client.session, cursor)
                    found = page.get("tools")
                    tools += found if isinstance(found, list) else []
                    cursor = page.get("nextCursor")
                    if not isinstance(cursor, str) or not found:
                        break
        return tools[:MAX_TOOLS]

    try:
        tools = anyio.run(listed)
    except Exception as error:
        what = f"The MCP server {shown_server!r} does not list its tools: {reason(error, fault)[:_MAX_REASON]}"
        if last := fault.last_lines()[-_MAX_REASON:]:
            what += f". The last lines of its standard error: {last}"
        raise EnvironmentFault(what, "Start the server, or correct its address or command.") from error
    if not tools:
        raise InputError(
            f"The MCP server {shown_server!r} offers no tool", "Give the address or command of another server."
        )
    good = GoodTools()
    for number, shown in enumerate(tools, start=1):
        with good.one():
            tool = _tool(shown, number, server)
            good.add(tool, _place(server, tool.name))
    good.check()
    places: dict[tuple[str, ...], str] = {(name,): _place(server, name) for name in good.tools}
    return ToolsFile(tuple(good.tools.values()), {}, places, tuple(good.notes))


async def _page(session: Any, cursor: str | None) -> dict[str, Any]:
    """Return one page of the server's list of tools. The tools in it are not checked.

    The public methods of the package `mcp` are not used, because they refuse all tools if one tool is not valid.
    """
    request: dict[str, Any] = {"method": "tools/list", "params": {} if cursor is None else {"cursor": cursor}}
    options: dict[str, Any] = {"timeout": _SECONDS}
    session._stamp(request, options)  # adds the fields that the version of the protocol requires
    page: dict[str, Any] = await session._dispatcher.send_raw_request(request["method"], request["params"], options)
    return page


def _place(server: str, tool: str) -> str:
    return f"mcp {command_without_secrets(server)}: tool {tool:.80}"


def _tool(listed: Any, number: int, server: str) -> Tool:
    """Return the tool that an entry of the server's list describes.

    Args:
        listed: The entry.
        number: The position of the entry in the list, from 1.
        server: The address or the command of the server.

    Raises:
        LocatedError: The entry does not describe a valid tool.
    """
    from mcp.types import Tool as ListedTool

    named = listed.get("name") if isinstance(listed, dict) else None
    place = _place(server, named if isinstance(named, str) and named else f"number {number}")
    try:
        shown = ListedTool.model_validate(check_json(listed))
        parameters = dict(shown.input_schema)
        for _, schema in list(subschemas(parameters)):
            if isinstance(schema.get("title"), str):
                del schema["title"]
        check_schema(parameters)
        if parameters.get("type", "object") != "object":
            raise SchemaError("the type is not object")
    except SchemaError as error:
        why = f"the arguments of the tool are not a valid JSON Schema: {error}"
        raise LocatedError(place, why, "Correct the schema in the server.") from None
    except ValidationError as error:
        first = error.errors()[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
        raise LocatedError(place, f"the tool is not valid: {why}", "Correct the tool in the server.") from None
    except ValueError as error:
        raise LocatedError(place, f"the tool is not valid: {error}", "Correct the tool in the server.") from None
    if not shown.name or ":" in shown.name:
        raise LocatedError(
            place, f"{shown.name!r:.80} is not a valid name for a tool", "Rename the tool in the server."
        )
    reads = shown.annotations is not None and shown.annotations.read_only_hint is True
    return Tool(
        name=shown.name,
        description=" ".join((shown.description or "").split()),
        parameters=parameters,
        run=f"mcp:{server}:{shown.name}",
        effects="read" if reads else "write",
    )
