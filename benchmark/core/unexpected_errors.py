"""Explains errors that no other code handles. Such an error means a full disk, or a defect that a user can report."""

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

from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.core.secrets import command_without_secrets

__all__ = ["NO_ROOM", "defect_line", "full_disk", "naming_full_disks"]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The error numbers of a disk without room, of an exceeded quota and of a file that is too large."""

_NO_ROOM_IN_WORDS = re.compile(
    r"No space left on device|Disk quota exceeded|File too large|PytorchStreamWriter failed writing"
    r"|\bos error (?:27|28|122)\b"
)
"""The words with which safetensors, torch and pyarrow report a full disk."""

_MOST_CAUSES = 20


def full_disk(error: BaseException) -> EnvironmentFault | None:
    """Return the error for the user if a full disk is the cause of `error`. Otherwise return None."""
    cause: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if cause is None:
            return None
        number = cause.errno if isinstance(cause, OSError) else None
        if number in NO_ROOM or _NO_ROOM_IN_WORDS.search(str(cause)):
            named = f"{getattr(cause, 'filename', None) or 'a file'} cannot be written"
            reason = getattr(cause, "strerror", None) or " ".join(str(cause).split())[:200]
            return EnvironmentFault(f"{named}: {reason}", "Free some disk space, and run the same command again.")
        cause = cause.__cause__ or cause.__context__
    return None


@contextmanager
def naming_full_disks() -> Iterator[None]:
    """Convert an error inside the `with` block to an error for the user, if a full disk is the cause of the error.

    Raises:
        EnvironmentFault: A file could not be written, because the disk is full.
    """
    try:
        yield
    except Exception as error:
        fault = full_disk(error)
        if fault is None or isinstance(error, EnvironmentFault):
            raise
        raise fault from error


def defect_line(error: BaseException) -> str:
    """Return a line that says where to report a defect. It contains the version, the command and a fingerprint of the
    error.

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
