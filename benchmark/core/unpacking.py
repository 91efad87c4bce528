"""Reads files, and unpacks them if they are packed with gzip.

The unpacked size is limited, because a packed file of a few megabytes can contain gigabytes.
"""

from __future__ import annotations

import gzip
import zlib
from io import BufferedIOBase
from pathlib import Path

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.regular_files import regular

__all__ = ["MAX_UNPACKED", "first_line", "read_unpacked"]

MAX_UNPACKED = 256_000_000
"""The largest size of the unpacked content of a file, in bytes."""
_MAX_LINE = 64_000_000


def _opened(path: Path) -> BufferedIOBase:
    return gzip.open(regular(path)) if path.suffix == ".gz" else regular(path).open("rb")


def read_unpacked(path: Path, fix: str) -> bytes:
    """Return the content of a file. A file whose name ends in `.gz` is unpacked.

    Args:
        path: The file.
        fix: A sentence for the error that says which file the user should give.

    Raises:
        InputError: The file cannot be read, is no regular file, or is larger than the memory. Or its unpacked content
            has more than 256 MB.
    """
    packed = path.suffix == ".gz"
    try:
        with _opened(path) as stream:
            content = stream.read(MAX_UNPACKED + 1 if packed else -1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}", fix) from None
    except MemoryError:
        raise InputError(f"{path} is larger than the memory", "Split the file.") from None
    if packed and len(content) > MAX_UNPACKED:
        raise InputError(
            f"{path} contains more than {MAX_UNPACKED // 1_000_000} MB when it is unpacked",
            f"If you trust the file, unpack it: gunzip --keep {path}",
        )
    return content


def first_line(path: Path) -> bytes:
    """Return the first line of a file. A file whose name ends in `.gz` is unpacked. Long lines are cut.

    Raises:
        OSError, EOFError, zlib.error: The file cannot be read.
    """
    with _opened(path) as stream:
        return stream.readline(_MAX_LINE)
