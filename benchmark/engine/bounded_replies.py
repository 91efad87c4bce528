"""Limits the size of a server's reply. Without a limit, a hostile or broken server could fill the memory.

The limit holds for every provider of Inspect that uses OpenAI's client. Other providers have clients of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_ai.model import Model

__all__ = ["ReplyTooLong", "bound_replies"]

MAX_BYTES = 16 * 2**20
"""The largest reply after decompression, in bytes."""


class ReplyTooLong(Exception):
    """A reply has more than `MAX_BYTES` bytes."""


def bound_replies(model: Model) -> None:
    """Make the client of `model` raise `ReplyTooLong` as soon as a reply is too long.

    The client raises its own error, and `ReplyTooLong` is the cause of this error.
    """
    hooks: Any = getattr(getattr(model.api, "http_client", None), "event_hooks", None)
    if hooks is not None:
        hooks["response"].append(_read)


async def _read(response: Any) -> None:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MAX_BYTES:
            raise ReplyTooLong(f"the reply has more than {MAX_BYTES // 2**20} MiB")
        parts.append(part)
    # The client reads a reply only if it has no content yet. `Response.aread` sets the same attribute.
    response._content = b"".join(parts)
