"""Explains errors that no other code handles: the system refused a file, or Toolmark has a defect."""

from __future__ import annotations

import errno
import hashlib
import platform
import re
import shlex
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import metadata, version
from pathlib import Path

from toolmark.benchmark.core.errors import EnvironmentFault, InputError, ToolmarkError
from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.core.secrets import command_without_secrets

__all__ = ["NO_ROOM", "defect_line", "naming_system_faults", "system_fault"]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The error numbers of a disk without room, of an exceeded quota and of a file that is too large."""

_NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)

_NO_ROOM_IN_WORDS = re.compile(
    r"No space left on device|Disk quota exceeded|File too large|PytorchStreamWriter failed writing"
    r"|\bos error (?:27|28|122)\b"
)
"""The words with which safetensors, torch and pyarrow report a full disk."""

_MOST_CAUSES = 20


def system_fault(error: BaseException) -> ToolmarkError | None:
    """Return the error for the user if `error` was raised because the system refused a file. Otherwise return None.

    The system refuses a file if the disk is full, if a permission is missing, or if the path is too long.
    """
    cause: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if cause is None or isinstance(cause, ToolmarkError):
            return None
        number = cause.errno if isinstance(cause, OSError) else None
        name = str(getattr(cause, "filename", None) or "a file")
        reason = getattr(cause, "strerror", None) or " ".join(str(cause).split())[:200]
        if number in NO_ROOM or _NO_ROOM_IN_WORDS.search(str(cause)):
            fix = "Free some disk space, and run the same command again."
            return EnvironmentFault(f"{name:.200} cannot be written: {reason}", fix)
        if number in _NO_PERMISSION:
            fix = "Change the permissions, or give another path."
            return EnvironmentFault(f"{name:.200} cannot be opened: {reason}", fix)
        if number == errno.ENAMETOOLONG:
            return InputError(f"{name:.60}… is too long for the path of a file", "Give a shorter path.")
        cause = cause.__cause__ or cause.__context__
    return None


@contextmanager
def naming_system_faults() -> Iterator[None]:
    """Replace an error inside the `with` block by its `system_fault`, if there is one.

    Raises:
        ToolmarkError: The system refused a file.
    """
    try:
        yield
    except Exception as error:
        fault = system_fault(error)
        if fault is None:
            raise
        raise fault from error


def defect_line(error: BaseException) -> str:
    """Return a line that says where to report a defect. The line contains the version, the command and a fingerprint of
    the error.

    The fingerprint is a hash of the type of the error and of the functions in which it happened. So a defect has the
    same fingerprint on every machine and for every input.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(frame.filename).name}:{frame.name}" for frame in frames]
    fingerprint = hashlib.sha256("\n".join([type(error).__name__, *places]).encode()).hexdigest()[:8]
    program, *words = sys.argv
    command = command_without_secrets(shlex.join([Path(program).name, *words]))
    line = (
        f"This is a defect of Toolmark. Report it {_where()} with this line: toolmark {version('toolmark')}, Python "
        f"{platform.python_version()}, {sys.platform}; command: {command}; error: {type(error).__name__} {fingerprint}"
    )
    return printable(line).replace("\n", " ")


def _where() -> str:
    urls = dict(url.split(", ", 1) for url in metadata("toolmark").get_all("Project-URL") or ())
    return f"at {urls['Issues']}" if "Issues" in urls else "to its maintainers"
