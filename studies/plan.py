"""Settings of the measurements, and the repetition of measurements in turn."""

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
    "llama.cpp": "llama.cpp",
}
"""The Python environment of each other tool, by the name of the tool."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Settings of the measurements.

    Attributes:
        cache: Folder of the environments of the other tools, and of generated models.
        pip: Additional arguments of `pip install`.
        threads: Number of threads of every process.
        pocket: Number of cases with `pocket`, for Toolmark and for the other tools.
        random: Number of cases with the random model, for Toolmark and for the other tools.
        smollm2: Number of cases with SmolLM2-135M, for Toolmark and for the other tools.
        trial: Number of cases on which batch sizes are tried.
        tokens: Largest number of tokens per answer, for trained models and for the random model. The random model never
            ends an answer itself.
        times: Number of repetitions.
        slow: Limit in seconds. If the first repetition takes longer, there is no second repetition.
        largest: Number of cases in the largest workload.
    """

    cache: Path
    pip: tuple[str, ...]
    threads: int
    pocket: tuple[int, int]
    random: tuple[int, int]
    smollm2: tuple[int, int]
    trial: int
    tokens: tuple[int, int]
    times: int
    slow: float
    largest: int


def said(text: str) -> None:
    """Print a line about the progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def command(runner: str, plan: Plan) -> list[str]:
    """Return the command that measures a tool."""
    if runner == OURS:
        return [sys.executable, "-m", "studies.ours"]
    # With -P, a file in the folder of this file is never imported in place of a package.
    return [str(environment(HOMES[runner], plan.cache, plan.pip)), "-P", str(LOOPS), runner]


def repeated(measurements: Sequence[tuple[str, Callable[[], Measured]]], plan: Plan) -> dict[str, list[Measured]]:
    """Make each measurement `plan.times` times. The measurements take turns. A slow measurement is made only once."""
    found: dict[str, list[Measured]] = {name: [] for name, _ in measurements}
    for turn in range(plan.times):
        for name, work in measurements:
            if turn and found[name][0].seconds[0] > plan.slow:
                continue
            found[name].append(work())
            said(f"  {name}, {turn + 1}: {found[name][-1].seconds[0]:.1f} s")
    return found


def seconds_of(found: Sequence[Measured]) -> list[float]:
    """Return the seconds of all repetitions."""
    return [seconds for each in found for seconds in each.seconds]


def megabytes(found: Sequence[Measured]) -> str:
    """Return the highest peak memory of all repetitions, in MB, as text."""
    return f"{max(each.peak for each in found) / 1e6:,.0f}"
