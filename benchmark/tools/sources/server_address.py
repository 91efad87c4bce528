"""Reads the address of the server of an OpenAPI operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

__all__ = ["server_address"]


def server_address(*holders: Mapping[str, Any]) -> str | None:
    """Return the address of the first server. Return None if this address is not absolute or not complete.

    Args:
        *holders: The parts of the document that can have the key `servers`. The first of them that has servers counts.
    """
    for holder in holders:
        servers = holder.get("servers")
        if not isinstance(servers, list) or not servers or not isinstance(servers[0], dict):
            continue
        url = str(servers[0].get("url", ""))
        variables = servers[0].get("variables")
        for variable, entry in variables.items() if isinstance(variables, dict) else ():
            if isinstance(entry, dict) and "default" in entry:
                url = url.replace("{" + variable + "}", str(entry["default"]))
        return url.rstrip("/") if _is_address(url) else None
    return None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # For example, an IPv6 address has no closing bracket.
        return False
    # A variable without a value would be taken for an argument in the path.
    return parts.scheme in ("http", "https") and bool(parts.netloc) and "{" not in url
