"""Replacing the whole content of a file. A reader never finds an incomplete file."""

from __future__ import annotations

from contextlib import suppress
from os import fsync, getpid
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the content of a file. A reader finds either the old or the new content, even if the process was killed.

    Args:
        path: The file to write. The file's folder must exist.
        content: The new content of the file.

    Raises:
        OSError: The new content could not be written. The file still has the old content.
    """
    temporary = path.with_name(f".{path.name}-{getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:  # an interruption too
        with suppress(OSError):
            temporary.unlink()
        raise
