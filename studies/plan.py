"""How much is measured, and how often: in turns, each measurement in a process of its own."""

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
"""The environment that each peer runs in."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        cache: Where peers and made models lie.
        pip: Further arguments of pip.
        threads: Of every process.
        pocket: Cases for `pocket`, and for its peers.
        random: The same for the random model.
        trial: Cases on which batch sizes are tried.
        tokens: Written at most, by `pocket` and by the random model, which never ends by itself.
        times: Repetitions.
        slow: Seconds; what took longer the first time is not repeated.
        largest: Cases of the largest growth.
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
    """Progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def command(runner: str, plan: Plan) -> list[str]:
    """What measures a runner."""
    if runner == OURS:
        return [sys.executable, "-m", "studies.ours"]
    # -P: the folder of the loops has a module `statistics`, which is not the one that peers import.
    return [str(environment(HOMES[runner], plan.cache, plan.pip)), "-P", str(LOOPS), runner]


def repeated(measurements: Sequence[tuple[str, Callable[[], Measured]]], plan: Plan) -> dict[str, list[Measured]]:
    """Each measurement `plan.times` times, in turns; one that is slow, once."""
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
