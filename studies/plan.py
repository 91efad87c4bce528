"""Settings for the amount of work, and repeated measurements that alternate, each in its own process."""

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
        cache: Folder of the other tools and of models that are made. pip: Further arguments of `pip install`. threads:
        Threads of every process. pocket: Number of cases with `pocket`, for Toolmark and for the other tools. random:
        Number of cases with the random model, for Toolmark and for the other tools. trial: Number of cases on which
        batch sizes are tried. tokens: Most tokens of an answer, for `pocket` and for the random model, which never ends
        an answer itself. times: Repetitions. slow: Limit in seconds. A measurement that took longer the first time is
        not repeated. largest: Number of cases in the largest workload for growth.
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
    """Return the command for measuring a tool."""
    if runner == OURS:
        return [sys.executable, "-m", "studies.ours"]
    # -P, because the folder of the loops has a module `statistics`, which peers must not import.
    return [str(environment(HOMES[runner], plan.cache, plan.pip)), "-P", str(LOOPS), runner]


def repeated(measurements: Sequence[tuple[str, Callable[[], Measured]]], plan: Plan) -> dict[str, list[Measured]]:
    """Make each measurement `plan.times` times, alternating with the others. Make a slow measurement only once."""
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
    """Return the highest peak memory of all repetitions."""
    return f"{max(each.peak for each in found) / 1e6:,.0f}"
