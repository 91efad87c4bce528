"""Which checkpoint is kept: the one that does best what it is trained for, not the one with the lowest loss.

Every checkpoint answers the same dev cases. The best mean of the primary metrics wins (or the one metric that is asked
for), unless a guard regressed against the base: such a checkpoint is out. Where the loss on the validation split would
have chosen another, that is said.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from toolmark.benchmark.plugins.protocols import DevFigure

__all__ = ["Choice", "Scores", "choose", "dev_mean"]

DEV = "dev.json"


class Scores:
    """Dev figures of checkpoints, each judged once and kept beside it.

    Args:
        judge: Gives the figures of a directory.
    """

    def __init__(self, judge: Callable[[Path], Mapping[str, DevFigure]]) -> None:
        self._judge = judge

    def of(self, checkpoint: Path) -> Mapping[str, DevFigure]:
        """The figures of a checkpoint."""
        kept = checkpoint / DEV
        if kept.exists():
            return {name: DevFigure(**figure) for name, figure in json.loads(kept.read_text()).items()}
        found = self._judge(checkpoint)
        fresh = kept.with_suffix(".new")
        fresh.write_text(json.dumps({name: asdict(figure) for name, figure in found.items()}))
        fresh.replace(kept)
        return found


@dataclass(frozen=True, slots=True)
class Choice:
    """The step to keep, and why in words."""

    step: int
    why: str


def dev_mean(figures: Mapping[str, DevFigure], metric: str) -> float:
    """The figure by which checkpoints are ranked: `mean` of the primary metrics but the guards, or one metric."""
    scores = [
        figure.score
        for name, figure in figures.items()
        if figure.score is not None and (name == metric or (metric == "mean" and not name.startswith("guard.")))
    ]
    return sum(scores) / len(scores) if scores else 0.0


def choose(figures: Mapping[int, Mapping[str, DevFigure]], losses: Mapping[int, float], metric: str) -> Choice:
    """Choose among steps.

    Args:
        figures: Dev figures by step, at least one step.
        losses: On the validation split, by step; empty where there is none.
        metric: `mean` or the id of a metric.
    """
    if not any(figures.values()):
        last = max(figures)
        return Choice(last, f"step {last}, the last: there are no dev cases to choose by")
    lost = {
        step: [name for name, one in found.items() if name.startswith("guard.") and one.verdict == "regressed"]
        for step, found in figures.items()
    }
    free = [step for step in figures if not lost[step]]
    ranked = sorted(free or figures, key=lambda step: (-dev_mean(figures[step], metric), step))
    best = ranked[0]
    why = f"step {best}: {metric} {100 * dev_mean(figures[best], metric):.1f}% on dev"
    if not free:
        why += f"; every checkpoint lost {', '.join(sorted({name for names in lost.values() for name in names}))}"
    elif len(free) < len(figures):
        vetoed = ", ".join(str(step) for step in sorted(set(figures) - set(free)))
        why += f"; a guard regressed at {vetoed}"
    if losses:
        lowest = min(losses, key=lambda step: (losses[step], step))
        if lowest != best:
            why += f"; the loss on the validation split is lowest at step {lowest}, which dev does not follow"
    return Choice(best, why)
