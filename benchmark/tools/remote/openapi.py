"""Sends the HTTP request of an OpenAPI operation.

If the operation needs an API key, the key is read from the environment variable `OPENAPI_KEY`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from toolmark.benchmark.tools.sources.openapi import Operation, read_operations

__all__ = ["bound"]

MAX_BYTES = 2**20
_SECONDS = 20.0
_MAX_ERROR = 200

_operations = cache(read_operations)


def bound(source: str, name: str) -> Callable[..., Any]:
    """Return a function that sends the request of the operation `name` in the OpenAPI file `source`.

    Raises:
        ValueError: The file has no operation with this name, or no server address for the operation.
        InputError: The file cannot be read.
    """
    operations = _operations(source)
    if name not in operations or operations[name].url is None:
        raise ValueError(f"{source} has no operation {name} with a server address")
    operation = operations[name]

    def call(**arguments: Any) -> Any:
        return _send(operation, arguments)

    return call


def _send(operation: Operation, arguments: Mapping[str, Any]) -> Any:
    import httpx

    parts: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}, "body": {}}
    body: Any = None
    for name, value in arguments.items():
        place = operation.places[name]
        if place == "whole_body":
            body = value
        else:
            parts[place][name] = value
    url = str(operation.url)
    for name, value in parts["path"].items():
        url = url.replace("{" + name + "}", _path_segment(name, _as_string(value)))
    query: list[tuple[str, Any]] = [
        (name, _as_string(item))
        for name, value in parts["query"].items()
        for item in _as_list(value)
        if item is not None
    ]
    headers = {name: _as_string(value) for name, value in parts["header"].items()}
    if operation.security and (key := os.environ.get("OPENAPI_KEY")):
        if operation.security.startswith("?"):
            query.append((operation.security[1:], key))
        else:
            headers[operation.security] = f"Bearer {key}" if operation.security == "Authorization" else key
    if parts["body"] or "body" in operation.places.values():
        body = parts["body"]
    content = None if body is None else json.dumps(body).encode()
    if content is not None:
        headers["Content-Type"] = "application/json"
    with (
        httpx.Client(timeout=_SECONDS, follow_redirects=False) as client,
        client.stream(operation.method, url, params=query or None, headers=headers, content=content) as response,
    ):
        return _response_value(response)


def _path_segment(name: str, value: str) -> str:
    """Return an argument as one segment of a path.

    Slashes and dots are also encoded, because an argument must not change the rest of the path.

    Raises:
        ValueError: The argument is empty. The path would then be the path of another operation.
    """
    if not value:
        raise ValueError(f"the argument {name} is empty, but it is a part of the path")
    return quote(value, safe="").replace(".", "%2E")


def _response_value(response: Any) -> Any:
    raw = b""
    for chunk in response.iter_bytes():
        raw += chunk
        if len(raw) > MAX_BYTES:
            raise ValueError(f"the answer has more than {MAX_BYTES} bytes")
    text = raw.decode(errors="replace")
    if not response.is_success:
        raise ValueError(f"HTTP {response.status_code}: {' '.join(text.split())[:_MAX_ERROR]}")
    if not text.strip():
        return None
    return json.loads(text) if "json" in response.headers.get("content-type", "") else text


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _as_string(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
