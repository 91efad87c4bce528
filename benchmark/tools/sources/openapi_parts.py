"""Reads the server and the media types of an OpenAPI operation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

__all__ = ["json_media_type", "server_address"]

_JSON = re.compile(r"application/(?:[\w.-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_ANY = re.compile(r"(?:\*|application)/(?:\*\+json|\*)\s*(?:;.*)?", re.IGNORECASE)
"""The ranges of media types that include JSON."""


def json_media_type(kinds: Iterable[str]) -> str | None:
    """Return the media type of a JSON body, or a range of types that includes JSON. Return None if there is none."""
    listed = list(kinds)
    return next((kind for form in (_JSON, _ANY) for kind in listed if form.fullmatch(kind)), None)


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
