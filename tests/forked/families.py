"""The processes that a command started, also those that changed their group or lost their parent."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import psutil
import pytest

__all__ = ["Family", "wait_until"]

_VARIABLE = "FAMILY_OF_PROCESSES"


class Family:
    """The programs that are started with a variable in their environment, which is set here.

    A forked command runs no new program, so it is not in the family of the programs that it starts.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._name = uuid.uuid4().hex
        monkeypatch.setenv(_VARIABLE, self._name)

    def members(self) -> list[str]:
        """The command lines of the processes that are alive."""
        return [
            " ".join(process.info["cmdline"] or ())
            for process in psutil.process_iter(["environ", "cmdline", "status"])
            if (process.info["environ"] or {}).get(_VARIABLE) == self._name
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ]


def wait_until(happened: Callable[[], object], seconds: float = 60) -> bool:
    """Wait until `happened` returns a true value. Return False if it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
