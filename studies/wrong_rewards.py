"""Trains with two wrong rewards, and measures whether the suites show what the model learnt.

A model that is paid only for answers in words should end by never calling. A model that is paid for every call that
fits the schema of its tool should end by always calling. Both must be red, and the causes and the curve must say why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from studies.page import Page, shown
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.metrics import BALANCED
from toolmark.benchmark.verdicts.comparison import ContestantResult, Side, compare_sides
from toolmark.benchmark.verdicts.gates import check_metric
from toolmark.trainers.own_answers.rewards import DEFAULT_REWARDS

__all__ = ["WRONG_REWARDS", "WrongReward", "section_of_wrong_rewards"]

_VALID = ("call", "over_call", "wrong_tool", "wrong_count", "wrong_value", "wrong_order", "execution_error")


@dataclass(frozen=True, slots=True)
class WrongReward:
    """A reward that does not pay what is wanted.

    Attributes:
        paid: What is paid, in words.
        rewards: The reward of each result.
        choose: The metric by which the checkpoint is kept, as somebody would choose who wants only this.
        metric: The metric that must be `regressed`.
        cause: The cause of failure whose number must grow most.
    """

    paid: str
    rewards: Mapping[str, float]
    choose: str
    metric: str
    cause: Cause


WRONG_REWARDS = {
    "words": WrongReward(
        "every answer without a call",
        {**dict.fromkeys(DEFAULT_REWARDS, -1.0), "abstain": 1.0, "no_call": 1.0},
        "timing.restraint",
        "timing.recall",
        Cause.NO_CALL,
    ),
    "valid": WrongReward(
        "every call that fits the schema",
        {**dict.fromkeys(DEFAULT_REWARDS, -1.0), **dict.fromkeys(_VALID, 1.0)},
        "timing.recall",
        "timing.restraint",
        Cause.OVER_CALL,
    ),
}
SECTION = "{}: wrong rewards"


def section_of_wrong_rewards(page: Page, title: str, lora: Side, hacked: Mapping[str, Side]) -> None:
    """Write the section about the wrong rewards.

    Args:
        page: The page.
        title: Name of the model.
        lora: The adapter from which the trainings started.
        hacked: The answers of the adapter that each wrong reward made.
    """
    sides = [replace(lora, baseline=None), *(replace(side, baseline=lora.name) for side in hacked.values())]
    start, *judged = compare_sides(sides).contestants
    rows, red = [], []
    for name, one in zip(hacked, judged, strict=True):
        reward = WRONG_REWARDS[name]
        grown = max(one.causes, key=lambda cause: one.causes[cause] - start.causes.get(cause, 0))
        red.append(one.differences[reward.metric].verdict == "regressed" and grown is reward.cause)
        counts = f"{grown} {start.causes.get(grown, 0)} → {one.causes[grown]}"
        moved = [shown(one.differences[metric]) for metric in ("timing.recall", "timing.restraint")]
        sentence = one.timing.sentence if one.timing else "n/a"
        rows.append([reward.paid, *moved, counts, sentence, ", ".join(_below_floor(one)) or "none"])
    columns = ["paid", "`timing.recall`", "`timing.restraint`", "cause that grew most", "the curve", "below the floor"]
    page.section(SECTION.format(title), "", columns, rows)
    page.held(
        all(red),
        "With a wrong reward, the suites must be red, and the cause that grows most must name what the model learnt",
        f"{sum(red)} of {len(red)} wrong rewards",
    )


def _below_floor(one: ContestantResult) -> list[str]:
    """Return the metrics whose score is below 50%, with its whole interval."""
    floors = {BALANCED.id: 0.5, "selection.tool": 0.5}
    checks = {metric: check_metric(one, metric, floor) for metric, floor in floors.items()}
    return [f"`{metric}`" for metric, gate in checks.items() if "below the floor" in gate.reason]
