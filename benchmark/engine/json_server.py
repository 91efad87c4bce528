"""Sends requests to the server of a model, and reads the JSON objects that it returns, without a client library.

A client library changes replies: it parses arguments, drops fields and raises its own errors. Because a server can send
anything, every field of a reply can be missing or can have a wrong type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from toolmark.benchmark.core.bounded_http import NoReply, Reply, exchange, json_object
from toolmark.benchmark.core.printing import brief
from toolmark.benchmark.core.secrets import redacted

__all__ = ["BadReply", "JsonServer"]


class BadReply(Exception):
    """There is no usable reply.

    Attributes:
        reason: Why there is no usable reply. API keys are hidden.
        status: The HTTP status. None if there was no reply at all.
        late: Whether the reply did not come in time.
    """

    def __init__(self, reason: str, status: int | None = None, *, late: bool = False) -> None:
        super().__init__(reason, status)
        self.reason = reason
        self.status = status
        self.late = late


@dataclass(frozen=True, slots=True)
class JsonServer:
    """A server that is asked over HTTP.

    Attributes:
        url: The address to which paths are added.
        headers: The headers of a request, which can contain an API key.
        seconds: The limit on the time of a request.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    seconds: float

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON object at a path. Secrets in the object are hidden, because parts of the object are stored.

        Raises:
            BadReply: There is no reply, the server refuses the request, or the reply is not a JSON object.
        """
        return self.object_in(_without_secrets(self.send("GET", path)))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a JSON object to a path, and return the JSON object in the reply. Secrets in the reply are hidden.

        Raises:
            BadReply: There is no reply, the server refuses the request, or the reply is not a JSON object.
        """
        return self.object_in(_without_secrets(self.send("POST", path, body)))

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        """Send a request, and return the reply as the server sent it.

        Raises:
            BadReply: There is no reply, or its status is not 200.
        """
        content = None if body is None else json.dumps(body).encode()
        headers = {**self.headers, "Content-Type": "application/json"}
        try:
            reply = exchange(method, f"{self.url}{path}", headers=headers, content=content, seconds=self.seconds)
        except NoReply as error:
            raise BadReply(self.without_key(error), late=error.late) from None
        if reply.status != 200:
            raise BadReply(f"status {reply.status}: {self.without_key(_message(reply))}", reply.status)
        return reply

    def object_in(self, reply: Reply) -> dict[str, Any]:
        """Return the JSON object in a reply.

        Raises:
            BadReply: The reply was not read to its end, or is not a JSON object.
        """
        if reply.unfinished:
            raise BadReply(reply.unfinished, reply.status)
        fields = json_object(reply.body)
        if fields is None:
            begin = self.without_key(reply.body[:80].decode(errors="replace"))
            raise BadReply(f"the reply is not a JSON object, but {reply.kind or 'something else'}: {begin}", 200)
        return fields

    def without_key(self, text: object) -> str:
        """Return a text of the server on one line, with `(key)` in place of the API key.

        Some servers repeat the key in their errors.
        """
        line = str(text)
        for value in self.headers.values():
            for secret in {value, value.rpartition(" ")[2]}:
                if len(secret) > 5:
                    line = line.replace(secret, "(key)")
        return brief(line)


def _without_secrets(reply: Reply) -> Reply:
    return replace(reply, body=redacted(reply.body.decode(errors="replace")).encode())


def _message(reply: Reply) -> str:
    """Return the error message in a reply. If the reply has no known form, return the beginning of the reply."""
    fields = json_object(reply.body) or {}
    error = fields.get("error", fields.get("detail", fields.get("message")))
    if isinstance(error, dict):
        error = error.get("message")
    return str(error) if error else reply.body[:200].decode(errors="replace") or "no text"
