"""Reads the forms in which the clients of model servers write tools. JSON files of tools often have one of these forms.

- OpenAI: `{"type": "function", "function": {"name", "description", "parameters"}}`, or without the key `function`. The
  tools are in a list, in the key `tools` of a request, or in the older key `functions`.
- Anthropic: `{"name", "description", "input_schema"}`. The tools are in the same places.
- MCP: `{"name", "description", "inputSchema"}`. The tools are in the key `tools` of the result of `tools/list`.
"""

from __future__ import annotations

from typing import Any

from toolmark.benchmark.tools.sources.yaml_document import Place

__all__ = ["client_tool", "client_tools"]

_SCHEMA_KEYS = ("input_schema", "inputSchema")
_NO_MEANING = frozenset(
    {"strict", "type", "title", "outputSchema", "annotations", "_meta", "icons", "execution", "cache_control"}
)
"""Keys of a tool in these forms that have no meaning here."""
_REQUEST_KEYS = frozenset({"model", "messages", "jsonrpc", "nextCursor"})
"""Keys beside the list of tools, in a request to a model or in an answer of an MCP server."""


def client_tools(document: dict[str, Any]) -> tuple[list[Any], Place] | None:
    """Return the list of tools in a document, and the place of this list. None if the document has another form.

    If the document is a single tool, the list contains only this tool.
    """
    if isinstance(inner := document.get("result"), dict) and isinstance(inner.get("tools"), list):
        return inner["tools"], ("result", "tools")
    if isinstance(document.get("functions"), list):
        return document["functions"], ("functions",)
    if isinstance(document.get("tools"), list) and _REQUEST_KEYS & document.keys():
        return document["tools"], ("tools",)
    return ([document], ()) if client_tool(document, ()) is not None else None


def client_tool(entry: Any, place: Place) -> tuple[dict[str, Any], Place] | None:
    """Return a tool in the form of a `tools.yaml`, and the place of the tool. None if `entry` has no known form."""
    if not isinstance(entry, dict):
        return None
    if entry.get("type") == "function":
        inner = entry.get("function")
        entry, place = (inner, (*place, "function")) if isinstance(inner, dict) else (entry, place)
    elif not any(key in entry for key in _SCHEMA_KEYS):
        return None
    schema: Any = next((entry[key] for key in ("parameters", *_SCHEMA_KEYS) if entry.get(key) is not None), {})
    tool = {key: value for key, value in entry.items() if key not in _NO_MEANING and value is not None}
    tool = {key: value for key, value in tool.items() if key not in _SCHEMA_KEYS}
    # Only the schemas of a `tools.yaml` are completed. In these forms, a schema means what JSON Schema says.
    tool["parameters"] = {"type": "object", **schema} if isinstance(schema, dict) else schema
    return tool, place
