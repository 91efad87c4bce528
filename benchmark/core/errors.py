"""Errors that a user can meet, drawn as one tree.

Every message says what happened, with the value, and then the exact command or setting that mends it. The doors
(`plugin.py`, `cli.py`) print it without a traceback and leave with `exit_code`; anything else that is raised is a
defect of Toolmark and keeps its traceback.

    ToolmarkError
    ├── InputError        4   a specification, file or option is wrong
    ├── NothingToDo       5   the request selects nothing
    └── EnvironmentFault  69  weights, network, token, disk or lock are not at hand (sysexits.h: EX_UNAVAILABLE)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

__all__ = ["EnvironmentFault", "InputError", "NothingToDo", "ToolmarkError", "writing"]


class ToolmarkError(Exception):
    """What happened (with the value) and how to mend it.

    Args:
        what: One sentence without its full stop, naming the offending value.
        fix: An imperative sentence: the command, option or setting that mends it.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what, fix)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}. {self.fix}"


class InputError(ToolmarkError):
    """Something that the user wrote is wrong."""

    exit_code: ClassVar[int] = 4


class NothingToDo(ToolmarkError):
    """The request is well formed and selects nothing."""

    exit_code: ClassVar[int] = 5


class EnvironmentFault(ToolmarkError):
    """The request is right, but this machine cannot serve it now."""

    exit_code: ClassVar[int] = 69


@contextmanager
def writing(path: Path, fix: str = "Make room, or choose another place.") -> Iterator[None]:
    """Around what writes to `path`, a file or a folder.

    Raises:
        EnvironmentFault: It cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be written: {error.strerror or error}", fix) from None
