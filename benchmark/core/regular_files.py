"""Refuses named pipes and devices where a file is read.

Opening a named pipe waits until another program writes to the pipe, and a device can be endless. An archive that is
downloaded can contain named pipes. So `regular` is called before a file of a user is opened, and `check_folder` before
a library reads the files of a folder.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from toolmark.benchmark.core.errors import InputError

__all__ = ["check_folder", "is_own", "regular"]

_NO_FILE = "it is a named pipe or a device, not a file"


def regular(path: Path) -> Path:
    """Return `path` if it is a file, a folder, or a link to one of them.

    Raises:
        OSError: There is nothing at this path, or there is a named pipe, a socket or a device.
    """
    mode = path.stat().st_mode
    if not (S_ISREG(mode) or S_ISDIR(mode)):
        raise OSError(errno.EINVAL, _NO_FILE, str(path))
    return path


def is_own(file: Path) -> bool:
    """Return whether the content of a file belongs to the folder of the file.

    A downloaded folder can contain a link to a private file of the user. Where files are copied to a new folder, such a
    link must not be followed. In the hub's cache, every file is a link to the folder `blobs` of the same model.
    """
    folder = file.parent.resolve()
    target = file.resolve()
    return target.is_relative_to(folder) or target.parent == folder.parent.parent / "blobs"


def check_folder(folder: Path, pattern: str = "*") -> None:
    """Check that no file of a folder is a named pipe, a socket or a device.

    Args:
        folder: The folder. If it does not exist, nothing is checked.
        pattern: The pattern of the files, as in `Path.glob`.

    Raises:
        InputError: One of the files is a named pipe, a socket or a device.
    """
    for file in folder.glob(pattern):
        # Unlike the methods of `Path`, these functions raise no error for a link to a folder that cannot be read.
        if os.path.exists(file) and not os.path.isdir(file) and not os.path.isfile(file):  # noqa: PTH110, PTH112, PTH113
            raise InputError(f"{file} cannot be read: {_NO_FILE}", "Remove this file, or copy the folder again.")
