"""The processes that a command started, also those that changed their group or lost their parent."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Callable

import psutil
import pytest

from tests.forked.commands import Ended, Started

__all__ = ["LIKE_CTRL_C", "SECONDS", "Family", "wait_until"]

LIKE_CTRL_C = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS = 5
"""After which nothing of a command may be alive."""

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

    def ends_with(self, command: Started, number: signal.Signals) -> Ended:
        """Send a signal to a forked command, and check that the command ends in time with its whole family."""
        command.send_signal(number)
        in_time = wait_until(lambda: command.poll() is not None and not self.members(), SECONDS)
        left = self.members()
        ended = command.wait(0.1)
        assert in_time, (left, ended.said)
        assert ended.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 2), ended.said
        assert "Traceback" not in ended.said
        assert number == signal.SIGKILL or "To continue, run: " in ended.said, ended.said
        return ended


def wait_until(happened: Callable[[], object], seconds: float = 60) -> bool:
    """Wait until `happened` returns a true value. Return False if it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
