"""Defines the errors that are shown to a user.

A message first says what happened, with the wrong value. Then the message says what to do, for example with a command.
`pytest_plugin.py` and `cli.py` print the message without a traceback and exit with `exit_code`. Any other exception is
a defect of Toolmark, so its traceback is printed.

    ToolmarkError
    ├── InputError        4   a specification, file or option is wrong
    ├── NothingToDo       5   the request selects nothing
    └── EnvironmentFault  69  weights, network, token, disk or lock are not available (EX_UNAVAILABLE in sysexits.h)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ClassVar

__all__ = ["EnvironmentFault", "InputError", "NothingToDo", "ToolmarkError", "reading", "writing"]


class ToolmarkError(Exception):
    """Base class of all errors that are shown to a user.

    Args:
        what: A sentence without a full stop that says what happened and contains the wrong value.
        fix: A sentence that says what to do and contains the command, option or setting to use.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what, fix)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}. {self.fix}"


class InputError(ToolmarkError):
    """A value that the user gave, or a file of the user, is wrong."""

    exit_code: ClassVar[int] = 4


class NothingToDo(ToolmarkError):
    """The request is valid, but it selects nothing."""

    exit_code: ClassVar[int] = 5


class EnvironmentFault(ToolmarkError):
    """The request is valid, but this machine cannot carry it out now."""

    exit_code: ClassVar[int] = 69


def writing(path: Path, fix: str = "Free some disk space, or give another path.") -> AbstractContextManager[None]:
    """Convert every `OSError` inside the `with` block to an error for the user: `path` cannot be written.

    Args:
        path: The file or folder that is written.
        fix: A sentence that says what the user can do.

    Raises:
        InputError: A file is in the place of a folder, or a folder in the place of a file.
        EnvironmentFault: Another `OSError` was raised inside the block.
    """
    return _accessing(path, "written", fix)


def reading(path: Path, fix: str = "Check the file and the permission to read it.") -> AbstractContextManager[None]:
    """Do the same as `writing`, for a file or folder that is read."""
    return _accessing(path, "read", fix)


@contextmanager
def _accessing(path: Path, done: str, fix: str) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError):
        file = next((one for one in (path, *path.parents) if one.exists() and not one.is_dir()), path)
        raise InputError(f"{path} cannot be {done}: {file} is a file, not a folder", fix) from None
    except IsADirectoryError:
        raise InputError(f"{path} cannot be {done}: it is a folder, not a file", fix) from None
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be {done}: {error.strerror or error}", fix) from None
