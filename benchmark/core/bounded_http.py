"""Sends HTTP requests with a limit on the time and on the size of the reply.

A broken or hostile server can be silent, can send one byte now and then, and can send without end. The time-outs of
httpx limit each step, not the whole request. So this module checks the limits of the whole request.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext
from typing import Any

import httpx

from toolmark.benchmark.core.bounded_bodies import NOT_COMPRESSED, BodyTooLong, BodyUnreadable, Unpacking
from toolmark.benchmark.core.time_limit import within

__all__ = ["GRACE", "MAX_BYTES", "NoReply", "Reply", "exchange", "json_object", "json_objects"]

MAX_BYTES = 4_000_000
"""The largest reply that is read."""

GRACE = 0.5
"""After the time limit of an exchange, this number of seconds is left to read the part of the reply that came in time.
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply of a server.

    Attributes:
        status: The HTTP status.
        kind: The media type, for example `text/html`. Empty if the server does not name one.
        body: The reply's bytes after decompression, as far as they were read.
        unfinished: Why the reply was not read to its end. Empty if the whole reply was read.
    """

    status: int
    kind: str
    body: bytes
    unfinished: str = ""


class NoReply(Exception):
    """No reply came. The text of this error is the reason.

    Attributes:
        late: Whether the reply did not come in time.
    """

    def __init__(self, reason: str, *, late: bool = False) -> None:
        super().__init__(reason)
        self.late = late


def json_object(body: bytes | str) -> dict[str, Any] | None:
    """Return the JSON object that a server sent. Return None if `body` is not a JSON object."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def json_objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list that a server sent. Other elements are left out. Empty if there is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


@cache
def _certificates() -> SSLContext:
    """Return the trusted certificates. They are read only once, because reading takes a tenth of a second."""
    return httpx.create_ssl_context()


def exchange(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes | None = None,
    seconds: float,
    most: int = MAX_BYTES,
) -> Reply:
    """Send a request, and read at most `most` bytes of the reply. A redirect is not followed.

    Args:
        method: GET or POST.
        url: The address.
        headers: Headers of the request.
        content: The body of the request.
        seconds: The limit on the time of the whole exchange.
        most: The limit on the size of the reply's body, in bytes.

    Raises:
        NoReply: The server cannot be reached, or the head of its reply did not come in time.
    """
    ends = time.monotonic() + seconds
    try:
        return within(seconds + GRACE, lambda: _exchange(method, url, headers, content, ends, most))
    except (TimeoutError, httpx.TimeoutException):
        raise NoReply(f"no answer in {seconds:.2g} s", late=True) from None
    except (ValueError, httpx.LocalProtocolError, httpx.InvalidURL):
        # The text of these errors is not shown, because it can contain a header with an API key.
        raise NoReply("the address, the key or a header has characters that are not possible in a request") from None
    except httpx.TransportError as error:
        raise NoReply(str(error) or type(error).__name__) from None


def _exchange(
    method: str, url: str, headers: Mapping[str, str], content: bytes | None, ends: float, most: int
) -> Reply:
    seconds = max(ends - time.monotonic(), 0.1)
    with (
        httpx.Client(timeout=seconds, verify=_certificates(), follow_redirects=False) as client,
        client.stream(method, url, headers={**headers, **NOT_COMPRESSED}, content=content) as response,
    ):
        body, unfinished = bytearray(), ""
        try:
            unpacking = Unpacking(response.headers.get("content-encoding", ""), most)
            for raw in response.iter_raw():
                for part in unpacking.parts(raw):
                    body += part
                if time.monotonic() > ends:
                    unfinished = f"the reply did not end in {seconds:.2g} s"
                    break
        except BodyTooLong:
            unfinished = f"the reply is longer than {most / 1e6:g} MB"
        except BodyUnreadable as error:
            unfinished = str(error)
        except httpx.TimeoutException:
            unfinished = f"the reply did not end in {seconds:.2g} s"
        except httpx.TransportError as error:
            unfinished = f"the connection broke: {error}"
        kind = response.headers.get("content-type", "").partition(";")[0].strip()
        return Reply(response.status_code, kind, bytes(body), unfinished)
