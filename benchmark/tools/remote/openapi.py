"""Sends the HTTP request of an OpenAPI operation.

If the operation needs an API key, the key is read from the environment variable `OPENAPI_KEY`. The key is sent only to
the server that the OpenAPI file names, because redirects are not followed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from toolmark.benchmark.core.bounded_http import NoReply, Reply, exchange
from toolmark.benchmark.tools.sources.openapi import Operation, read_operations

__all__ = ["bound"]

MAX_BYTES = 1_000_000
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
    address = httpx.URL(url)
    if query:
        address = address.copy_merge_params(query)
    try:
        reply = exchange(
            operation.method, str(address), headers=headers, content=content, seconds=_SECONDS, most=MAX_BYTES
        )
    except NoReply as error:
        raise ValueError(str(error)) from None
    return _value(reply)


def _path_segment(name: str, value: str) -> str:
    """Return an argument as one segment of a path.

    An argument must not change the rest of the path. So slashes in the argument are encoded. To encode the dots of the
    segments `.` and `..` would not help: `%2E` and `.` are equal (RFC 3986, 6.2.2.2), so servers remove encoded
    segments of this kind, too.

    Raises:
        ValueError: The argument is empty, or has a segment `.` or `..`. The request would then reach another operation.
    """
    if not value:
        raise ValueError(f"the argument {name} is empty, but it is a part of the path")
    if any(segment in (".", "..") for segment in re.split(r"[/\\]", value)):
        raise ValueError(
            f"the argument {name} is {value[:_MAX_ERROR]!r}, but a segment of a path must not be '.' or '..'"
        )
    return quote(value, safe="")


def _value(reply: Reply) -> Any:
    """Return the value of a reply: the decoded JSON, the text if the reply is not JSON, or None if the body is empty.

    Raises:
        ValueError: The server reports an error, or the reply is incomplete or not valid.
    """
    text = reply.body.decode(errors="replace")
    if 300 <= reply.status < 400:
        raise ValueError(f"HTTP {reply.status}: the server redirects, and redirects are not followed")
    if not 200 <= reply.status < 300:
        raise ValueError(f"HTTP {reply.status}: {' '.join(text.split())[:_MAX_ERROR]}")
    if reply.unfinished:
        raise ValueError(reply.unfinished)
    if not text.strip():
        return None
    if "json" not in reply.kind:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the reply says that it is JSON, but it is not: {error}") from None


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _as_string(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
