"""Replacing a file as a whole, so that no reader ever finds half of it."""

from __future__ import annotations

from contextlib import suppress
from os import fsync, getpid
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the content of a file: a reader finds the old content or the new one, even after a kill.

    Args:
        path: The file to write; its folder must exist.
        content: All of its new bytes.

    Raises:
        OSError: It could not be written; the old content is still there.
    """
    temporary = path.with_name(f".{path.name}-{getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            fsync(stream.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
