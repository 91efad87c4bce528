"""Chooses the checkpoint to keep: the checkpoint with the best score on the dev cases.

Every checkpoint answers the same dev cases. By default, the score is the mean of the primary metrics without guards.
The user can choose another metric. A checkpoint is excluded if a guard metric regressed against the start of the
training: the base, or the adapter from which the training started.

The validation loss is not used for the choice. If the checkpoint with the lowest validation loss is another one, the
reason for the choice mentions it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import nearest
from toolmark.benchmark.plugins.protocols import DevFigure
from toolmark.trainers.finetuning.checkpoint_files import DEV_FIGURES
from toolmark.trainers.json_files import read_json, write_json

__all__ = ["CheckpointChoice", "DevScores", "check_metric", "choose_checkpoint", "dev_mean", "scores_of_start"]


class DevScores:
    """The dev figures of checkpoints. Each checkpoint is judged once, and its figures are stored in its folder.

    Args:
        judge: A function that judges the checkpoint in a folder, and returns the figures by metric.
    """

    def __init__(self, judge: Callable[[Path], Mapping[str, DevFigure]]) -> None:
        self._judge = judge

    def of(self, checkpoint: Path) -> Mapping[str, DevFigure]:
        """Return the figures of the checkpoint in this folder, by metric."""
        stored = checkpoint / DEV_FIGURES
        if stored.exists():
            return {name: DevFigure(**figure) for name, figure in read_json(stored).items()}
        found = self._judge(checkpoint)
        write_json(stored, {name: asdict(figure) for name, figure in found.items()})
        return found


def check_metric(metric: str, judged: Sequence[str]) -> None:
    """Check that checkpoints are judged on `metric`.

    Args:
        metric: The value of `--choose`.
        judged: Ids of the metrics on which checkpoints are judged. Empty if they are not judged.

    Raises:
        InputError: Checkpoints are not judged on this metric.
    """
    known = ("mean", *judged)
    if judged and metric not in known:
        raise InputError(f"--choose {metric}: checkpoints are not judged on this metric", nearest(metric, known))


@dataclass(frozen=True, slots=True)
class CheckpointChoice:
    """The step of the checkpoint to keep, and the reason in words."""

    step: int
    why: str


def dev_mean(figures: Mapping[str, DevFigure], metric: str) -> float:
    """Return the score by which checkpoints are ranked.

    With `metric` = `mean`, this is the mean of the primary metrics without the guards.
    """
    scores = [
        figure.score
        for name, figure in figures.items()
        if figure.score is not None and (name == metric or (metric == "mean" and not name.startswith("guard.")))
    ]
    return sum(scores) / len(scores) if scores else 0.0


def scores_of_start(figures: Mapping[int, Mapping[str, DevFigure]]) -> Mapping[str, DevFigure]:
    """Return the dev figures of the weights from which a training started. Checkpoints were compared with them."""
    first = next(iter(figures.values()), {})
    return {name: DevFigure(one.base, one.base, None) for name, one in first.items()}


def choose_checkpoint(
    figures: Mapping[int, Mapping[str, DevFigure]], losses: Mapping[int, float], metric: str
) -> CheckpointChoice:
    """Return the checkpoint to keep, with the reason.

    Args:
        figures: The dev figures of each checkpoint, by step. There is at least one checkpoint. Step 0 stands for the
            weights from which the training started. Step 0 can be missing.
        losses: Loss on the validation split, by step. Empty if the data has no validation split.
        metric: `mean` or the id of a metric.
    """
    if not any(figures.values()):
        last = max(figures)
        return CheckpointChoice(last, f"step {last}, which is the last step, because there are no dev cases")
    regressed = {
        step: [name for name, one in found.items() if name.startswith("guard.") and one.verdict == "regressed"]
        for step, found in figures.items()
    }
    allowed = [step for step in figures if not regressed[step]]
    # Of equal scores, the earliest checkpoint wins. The start of the training wins only if it is better.
    ranked = sorted(allowed or figures, key=lambda step: (-dev_mean(figures[step], metric), step == 0, step))
    best = ranked[0]
    why = f"step {best}: {metric} {100 * dev_mean(figures[best], metric):.1f}% on dev"
    if not allowed:
        guards = sorted({name for names in regressed.values() for name in names})
        why += f"; all checkpoints regressed in {', '.join(guards)}"
    elif len(allowed) < len(figures):
        excluded = ", ".join(str(step) for step in sorted(set(figures) - set(allowed)))
        why += f"; excluded because a guard regressed: step {excluded}"
    if best == 0:
        why += "; this is the start of the training, because no checkpoint was as good"
    if losses:
        lowest = min(losses, key=lambda step: (losses[step], step))
        if lowest != best:
            why += f"; the validation loss is lowest at step {lowest}, but step {best} is better on dev"
    return CheckpointChoice(best, why)
