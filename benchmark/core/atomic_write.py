"""Replaces the content of a file in one step, so that other processes never read an incomplete file."""

from __future__ import annotations

from contextlib import suppress
from os import fsync, getpid
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the content of a file. Even if this process is killed, the file contains the old or the new content.

    Args:
        path: The file to write. The folder of the file must exist.
        content: The new content of the file.

    Raises:
        OSError: The new content could not be written. The file still contains the old content.
    """
    temporary = path.with_name(f".{path.name}-{getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:  # This includes an interruption.
        with suppress(OSError):
            temporary.unlink()
        raise
