"""Reads files, and unpacks them if they are packed with gzip.

The unpacked size is limited, because a packed file of a few megabytes can contain gigabytes.
"""

from __future__ import annotations

import gzip
import zlib
from io import BufferedIOBase
from pathlib import Path

from toolmark.benchmark.core.errors import InputError

__all__ = ["MAX_UNPACKED", "first_line", "read_unpacked"]

MAX_UNPACKED = 256_000_000
"""The largest size of the unpacked content of a file, in bytes."""
_MAX_LINE = 64_000_000


def _opened(path: Path) -> BufferedIOBase:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def read_unpacked(path: Path, fix: str) -> bytes:
    """Return the content of a file. A file whose name ends in `.gz` is unpacked.

    Args:
        path: The file.
        fix: A sentence for the error that says which file the user should give.

    Raises:
        InputError: The file cannot be read or is larger than the memory, or its unpacked content has more than 256 MB.
            This limit also holds for pipes and devices, which can be endless.
    """
    packed = path.suffix == ".gz"
    limited = packed or not path.is_file()
    try:
        with _opened(path) as stream:
            content = stream.read(MAX_UNPACKED + 1 if limited else -1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}", fix) from None
    except MemoryError:
        raise InputError(f"{path} is larger than the memory", "Split the file.") from None
    if limited and len(content) > MAX_UNPACKED:
        unpack = f"If you trust the file, unpack it: gunzip --keep {path}"
        raise InputError(
            f"{path} contains more than {MAX_UNPACKED // 1_000_000} MB{' when it is unpacked' if packed else ''}",
            unpack if packed else "Write the content to a file, and give the path of this file.",
        )
    return content


def first_line(path: Path) -> bytes:
    """Return the first line of a file. A file whose name ends in `.gz` is unpacked. Long lines are cut.

    Raises:
        OSError, EOFError, zlib.error: The file cannot be read.
    """
    with _opened(path) as stream:
        return stream.readline(_MAX_LINE)
