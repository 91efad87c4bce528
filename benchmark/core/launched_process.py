"""The place of this process among the processes that a launcher started for one command.

`accelerate launch` and `torchrun` start the same command in several processes. Each process reads its number, its
`rank`, from its environment. Only the first process prints and writes files.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from toolmark.benchmark.core.errors import InputError

__all__ = ["LaunchedProcess", "launched_process", "let_first_report"]

_SECONDS_TO_REPORT = 5.0
"""Time in seconds in which the first process prints its error and ends, and the launcher ends the other processes."""


@dataclass(frozen=True, slots=True)
class LaunchedProcess:
    """The place of this process.

    Attributes:
        rank: Number of this process. The first process has the number 0.
        count: Number of processes on all machines. 1 if there was no launcher.
        on_machine: Number of processes on this machine.
    """

    rank: int = 0
    count: int = 1
    on_machine: int = 1

    @property
    def first(self) -> bool:
        """Return whether this process prints and writes files."""
        return self.rank == 0


def launched_process() -> LaunchedProcess:
    """Return the place of this process, from the variables `RANK`, `WORLD_SIZE` and `LOCAL_WORLD_SIZE`.

    Raises:
        InputError: A variable is not a number, or the numbers do not fit together.
    """
    given = {name: os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")}
    if not given["RANK"] or not given["WORLD_SIZE"]:
        return LaunchedProcess()
    numbers = [int(value) if value.isdecimal() else -1 for value in given.values() if value]
    found = LaunchedProcess(*numbers)
    if not 0 <= found.rank < found.count or not 1 <= found.on_machine <= found.count:
        said = ", ".join(f"{name}={value}" for name, value in given.items() if value)
        raise InputError(
            f"the environment says {said}, which is no place of a process among several processes",
            "A launcher such as torchrun sets these variables. Without a launcher, unset them: "
            "unset RANK WORLD_SIZE LOCAL_WORLD_SIZE",
        )
    return found


def let_first_report() -> None:
    """Wait some seconds before this process prints an error, if this process is not the first.

    Most errors occur in all processes. The launcher ends all processes as soon as one of them has failed. So an error
    that the first process has, too, is printed only once.
    """
    if not launched_process().first:
        time.sleep(_SECONDS_TO_REPORT)
