"""Replaces the content of a file in one step, so that other processes never read an incomplete file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import fsync, getpid
from pathlib import Path
from typing import BinaryIO

__all__ = ["replacing", "write_atomically"]


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Return a stream for the new content of a file. The file is replaced at the end of the `with` block.

    Even if this process is killed, the file contains the old or the new content.

    Args:
        path: The file to write. The folder of the file must exist.

    Raises:
        OSError: The new content could not be written. The file still contains the old content.
    """
    temporary = path.with_name(f".{path.name}-{getpid()}")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:  # This includes an interruption.
        with suppress(OSError):
            temporary.unlink()
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the content of a file, as `replacing` does."""
    with replacing(path) as stream:
        stream.write(content)
