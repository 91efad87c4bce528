"""Names the folders in the user's cache that contain copies of files of an object store.

Each folder has a file with its address. So from the path of a copy, its address is known, also to a later process.
"""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.core.atomic_write import write_atomically
from toolmark.benchmark.core.cache_folder import cache_folder
from toolmark.benchmark.core.errors import writing
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.core.remote_files import joined

__all__ = ["address_of", "working_copy"]

_ADDRESS_FILE = ".address"


def working_copy(kind: str, address: str) -> Path:
    """Return the folder with the copies of the files below `address`. Nothing is transferred.

    Args:
        kind: What the copies are for. Copies of different kinds are in different folders.
        address: The address.

    Raises:
        EnvironmentFault: The folder cannot be written.
    """
    folder = cache_folder("remote") / kind / digest(address)
    with writing(folder, "Free some disk space, or choose another cache: XDG_CACHE_HOME=DIR"):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / _ADDRESS_FILE, address.encode())
    return folder


def address_of(path: Path) -> str | None:
    """Return the address of which `path` is a copy. None if `path` is in no working copy."""
    root = cache_folder("remote")
    if not path.is_relative_to(root) or len(inside := path.relative_to(root).parts) < 2:
        return None
    file = root / inside[0] / inside[1] / _ADDRESS_FILE
    return joined(file.read_text(encoding="utf-8"), *inside[2:]) if file.is_file() else None
