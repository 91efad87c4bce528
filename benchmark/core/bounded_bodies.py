"""Limits the size of the bodies that servers send, before and after decompression.

A body can be endless, and a small compressed body can be huge after decompression. The clients of httpx decompress each
part of a body at once. If a limit counts the bytes that a client returns, it counts too late: the memory is already
used. Here, the body is decompressed in small steps, and the limit is checked after each step. Each request asks the
server not to compress the body. If the server compresses the body nevertheless, gzip and deflate can be read.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

__all__ = ["NOT_COMPRESSED", "BodyTooLong", "BodyUnreadable", "Unpacking", "limit_bodies"]

NOT_COMPRESSED = {"Accept-Encoding": "identity"}
"""The header that asks a server not to compress its replies."""

_STEP = 2**16
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_EVENTS = "text/event-stream"


class BodyTooLong(ValueError):
    """A body has more bytes than the limit."""


class BodyUnreadable(ValueError):
    """A body cannot be decompressed."""


class Unpacking:
    """Decompresses one body, and counts its bytes.

    Args:
        encoding: The value of the header `Content-Encoding`.
        most: The largest size of the body after decompression, in bytes. None means that the size is not limited.

    Raises:
        BodyUnreadable: The encoding is neither gzip nor deflate.
    """

    def __init__(self, encoding: str, most: int | None) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise BodyUnreadable(f"the reply is compressed ({encoding[:40]!r}), although this was not requested")
        self._packed = zlib.decompressobj(_GZIP_OR_ZLIB) if encoding not in ("", "identity") else None
        self._most = most
        self._size = 0

    def parts(self, raw: bytes) -> Iterator[bytes]:
        """Yield the decompressed parts of the next bytes of the body.

        Raises:
            BodyTooLong: The body is longer than the limit.
            BodyUnreadable: The bytes are neither gzip nor deflate.
        """
        if self._packed is None:
            yield self._counted(raw)
            return
        try:
            while raw and not self._packed.eof:
                yield self._counted(self._packed.decompress(raw, _STEP))
                raw = self._packed.unconsumed_tail
        except zlib.error as error:
            raise BodyUnreadable(f"the compressed reply cannot be read: {error}") from None

    def _counted(self, part: bytes) -> bytes:
        self._size += len(part)
        if self._most is not None and self._size > self._most:
            raise BodyTooLong(f"the reply has more than {self._most / 2**20:g} MiB")
        return part


@cache
def _limited(base: type) -> Any:
    """Return a class of streams that decompress and count the bytes of another stream.

    `base` is the class of byte streams of httpx or of httpx2. The returned class is a subclass of `base`.
    """

    class Limited(base):  # type: ignore[misc]
        def __init__(self, inner: Any, unpacking: Unpacking) -> None:
            self._inner = inner
            self._unpacking = unpacking

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for raw in self._inner:
                for part in self._unpacking.parts(raw):
                    yield part

        async def aclose(self) -> None:
            await self._inner.aclose()

    return Limited


def limit_bodies(client: Any, most: int) -> None:
    """Make an asynchronous client of httpx or httpx2 raise an error if a reply is too long or cannot be decompressed.

    The code that reads the body gets the error `BodyTooLong` or `BodyUnreadable`. The size of a stream of events is not
    limited, because such a stream can stay open for hours. The code that reads the stream must limit the size of each
    event.

    Args:
        client: The client.
        most: The largest size of a reply after decompression, in bytes.
    """

    async def limit(response: Any) -> None:
        endless = response.headers.get("content-type", "").startswith(_EVENTS)
        encoding = ", ".join(response.headers.get_list("content-encoding"))
        if encoding:
            del response.headers["content-encoding"]  # Otherwise the client would decompress the body again.
        base = next(kind for kind in type(response.stream).__mro__ if kind.__name__ == "AsyncByteStream")
        response.stream = _limited(base)(response.stream, Unpacking(encoding, None if endless else most))

    client.headers.update(NOT_COMPRESSED)
    client.event_hooks["response"].insert(0, limit)  # This hook runs before hooks that read the body.
