"""How much is measured, and how often. Measurements are made in turns, each in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from studies.peers import LOOPS, Measured, environment

OURS = "toolmark"
HOMES = {
    "pipeline": "transformers",
    "inspect": "inspect",
    "lm-eval": "lm-eval",
    "generate": "transformers",
    "continuous": "transformers",
}
"""The environment of each of the other tools."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        cache: Folder of the other tools and of models that are made.
        pip: Further arguments of pip.
        threads: Threads of every process.
        pocket: Cases for Toolmark and for the other tools, with `pocket`.
        random: The same for the random model.
        trial: Cases on which batch sizes are tried.
        tokens: Tokens written at most, by `pocket` and by the random model, which never ends by itself.
        times: Repetitions.
        slow: Seconds; a measurement that took longer the first time is not repeated.
        largest: Cases of the largest workload of the growth.
    """

    cache: Path
    pip: tuple[str, ...]
    threads: int
    pocket: tuple[int, int]
    random: tuple[int, int]
    trial: int
    tokens: tuple[int, int]
    times: int
    slow: float
    largest: int


def said(text: str) -> None:
    """Print progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def command(runner: str, plan: Plan) -> list[str]:
    """The command that measures a tool."""
    if runner == OURS:
        return [sys.executable, "-m", "studies.ours"]
    # -P: the folder of the loops has a module `statistics`, which is not the one that peers import.
    return [str(environment(HOMES[runner], plan.cache, plan.pip)), "-P", str(LOOPS), runner]


def repeated(measurements: Sequence[tuple[str, Callable[[], Measured]]], plan: Plan) -> dict[str, list[Measured]]:
    """Make each measurement `plan.times` times, in turns; a slow one is made once."""
    found: dict[str, list[Measured]] = {name: [] for name, _ in measurements}
    for turn in range(plan.times):
        for name, work in measurements:
            if turn and found[name][0].seconds[0] > plan.slow:
                continue
            found[name].append(work())
            said(f"  {name}, {turn + 1}: {found[name][-1].seconds[0]:.1f} s")
    return found


def seconds_of(found: Sequence[Measured]) -> list[float]:
    """Of all repetitions."""
    return [seconds for each in found for seconds in each.seconds]


def megabytes(found: Sequence[Measured]) -> str:
    """The most memory of any repetition."""
    return f"{max(each.peak for each in found) / 1e6:,.0f}"
