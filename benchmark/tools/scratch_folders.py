"""Folders for the files of tool calls. None is left behind, even by a process that was killed.

The process that makes a folder holds a lock on the folder until the process ends. So a folder without a lock has no
owner any more, and the next process that makes a folder removes it. On Windows there are no such locks, and a killed
process leaves its folder.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["ScratchFolder", "remove_tree"]

_PREFIX = "toolmark-sandbox-"


class ScratchFolder:
    """A new empty folder.

    Attributes:
        path: The folder, as a path without links.

    Raises:
        OSError: The folder cannot be made.
    """

    def __init__(self) -> None:
        _remove_ownerless()
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
            self._lock = _locked(self.path)
            # Another process can take the folder for one without an owner before the lock is set.
            if fcntl is None or (self._lock is not None and self.path.exists()):
                break
            self.remove()

    def remove(self) -> None:
        """Remove the folder with its content."""
        remove_tree(self.path)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(folder: Path) -> int | None:
    """Lock a folder and return its descriptor. Return None if another process has the lock or removed the folder."""
    if fcntl is None:
        return None
    descriptor = None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if descriptor is not None:
            os.close(descriptor)
        return None
    return descriptor


def _remove_ownerless() -> None:
    if fcntl is None:
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # Another process can remove the folder at the same time.
            if folder.lstat().st_uid == os.getuid() and (lock := _locked(folder)) is not None:
                remove_tree(folder)
                os.close(lock)


def remove_tree(folder: Path) -> None:
    """Remove a folder with its content, however deep it is. What cannot be removed is left.

    A hostile program can nest folders so deeply that `shutil.rmtree` fails: it calls itself for each level, and the
    path of all levels is too long. So the content of each inner folder is moved up, until the inner folder is empty.
    The new names cannot be guessed, because a name that is taken would stop the removal.
    """
    name, moved = secrets.token_hex(), 0
    with suppress(OSError):
        while entries := list(folder.iterdir()):
            for entry in entries:
                if not _is_folder(entry):
                    entry.unlink()
                    continue
                entry.chmod(0o700)  # A program can make a folder that nobody may list or move.
                for inner in list(entry.iterdir()):
                    if _is_folder(inner):
                        inner.chmod(0o700)
                    moved += 1
                    inner.rename(folder / f"{name}-{moved}")
                entry.rmdir()
        folder.rmdir()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
