"""Makes folders for the files of tool calls, and removes them, even if a process is killed.

The process that makes a folder holds a lock in this folder until the process ends. If the lock of a folder is free, its
process has ended. The next process that makes a folder removes all folders with a free lock.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR

from filelock import FileLock, Timeout

__all__ = ["ScratchFolder", "remove_tree"]

_PREFIX = "toolmark-tools-"
_LOCK = "lock"


class ScratchFolder:
    """A new folder, which is empty except for the lock.

    Attributes:
        path: The folder, as a path without links.

    Raises:
        OSError: The folder cannot be made.
    """

    def __init__(self) -> None:
        for left in _own_folders():
            with suppress(Timeout, OSError), FileLock(left / _LOCK).acquire(timeout=0):
                remove_tree(left)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
        self._lock = FileLock(self.path / _LOCK)
        self._lock.acquire()

    def remove(self) -> None:
        """Remove the folder with its content."""
        self._lock.release()
        remove_tree(self.path)


def _own_folders() -> Iterator[Path]:
    """Return the scratch folders that belong to this user.

    Entries of other users are left out, because they can be links to other folders.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # Another process can remove the folder meanwhile.
            about = folder.lstat()
            if S_ISDIR(about.st_mode) and about.st_uid == _user():
                yield folder


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # On Windows, every file belongs to user 0.


def remove_tree(folder: Path) -> None:
    """Remove a folder with its content, however deep it is. Files and folders that cannot be removed stay.

    A hostile program can nest folders so deeply that `shutil.rmtree` fails: its recursion is too deep, and the path of
    all levels is too long. So the content of each inner folder is moved up, until the inner folder is empty. The moved
    files get random names. If the program could guess a name, it could create a file with this name, and so stop the
    removal.
    """
    name, moved = secrets.token_hex(), 0
    with suppress(OSError):
        while entries := list(folder.iterdir()):
            for entry in entries:
                if not _is_folder(entry):
                    entry.unlink()
                    continue
                entry.chmod(0o700)  # A program can make a folder whose permissions forbid to list or move it.
                for inner in list(entry.iterdir()):
                    if _is_folder(inner):
                        inner.chmod(0o700)
                    moved += 1
                    inner.rename(folder / f"{name}-{moved}")
                entry.rmdir()
        folder.rmdir()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
