"""Finds out how many epochs of a recording are judged, and which cases the recording lacks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from itertools import count, takewhile

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.runs.replay import Replay
from toolmark.benchmark.runs.run import Run

__all__ = ["take_epochs"]

_MOST_NAMED = 3
"""Highest number of missing cases that an error names."""


def take_epochs(
    run: Run,
    replay: Replay,
    cases: Sequence[Case] | Sequence[Scenario],
    has: Callable[[str, int], bool],
    *,
    partial: bool,
    skip_too_long: bool,
) -> list[tuple[str, int]]:
    """Return the pairs (case id, epoch) of a recording that are judged. Set the epochs and the missing cases of `run`.

    All recorded epochs are used. If some cases have fewer epochs than others, all cases get the lower number.

    Args:
        run: The run. Its candidate is the recording.
        replay: The recording.
        cases: The cases or scenarios.
        has: Function that returns whether the recording has a complete answer to a case in an epoch.
        partial: Whether cases are allowed to be missing.
        skip_too_long: Whether the cases are allowed to be missing that were too long for the recorded model.

    Raises:
        InputError: The recording has no answer to any of the cases. Or an answer is missing, and this is not allowed.
    """
    noun = "cases" if all(isinstance(case, Case) for case in cases) else "scenarios"
    epochs = {case.id: sum(1 for _ in takewhile(functools.partial(has, case.id), count(1))) for case in cases}
    missing = [case for case in cases if not epochs[case.id]]
    too_long = [case.id for case in missing if case.id in replay.too_long]
    if len(missing) == len(cases):
        raise InputError(
            f"{replay.path} answers none of the {len(cases)} {noun}",
            "Give the cases that it answered: --cases PATH. Use the same --split as the recorded run. If the cases or "
            "their tools have changed, run the recorded model again.",
        )
    if missing and not partial:
        if len(too_long) == len(missing) and not skip_too_long:
            raise InputError(
                f"{replay.path} lacks {len(missing)} of {len(cases)} {noun}, which were too long for the model",
                f"To leave these {noun} out, add --skip-too-long",
            )
        lacking = [case for case in missing if case.id not in too_long or not skip_too_long]
        if lacking:
            raise InputError(
                f"{replay.path} does not contain {len(lacking)} of {len(cases)} {noun}: {_named(lacking)}",
                "Use the same --cases, --split and --limit as the recorded run. If that run was interrupted, run it "
                "again to finish it.",
            )
    run.missing = tuple(case.id for case in missing)
    run.too_long = tuple(too_long) if skip_too_long else ()
    answered = {number for number in epochs.values() if number}
    run.epochs = min(answered)
    if len(answered) > 1:
        run.notes += (
            f"{replay.path} has {max(answered)} epochs of some {noun}, but only {run.epochs} of others. Epochs after "
            f"{run.epochs} are left out",
        )
    return [(case.id, epoch) for case in cases if epochs[case.id] for epoch in range(1, run.epochs + 1)]


def _named(cases: Sequence[Case | Scenario]) -> str:
    first = ", ".join(f"{case.id} ({case.source.ref})" for case in cases[:_MOST_NAMED])
    return f"{first}, …" if len(cases) > _MOST_NAMED else first
