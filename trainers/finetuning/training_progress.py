"""The callback of a fine-tuning: reports progress, judges checkpoints, and stops a training that diverged.

A training diverged if its loss, its gradient norm or a weight is NaN or infinite, or if a checkpoint computes NaN or
infinite numbers.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from toolmark.benchmark.core.launched_process import launched_process
from toolmark.benchmark.engine.finite_logits import ModelWithoutNumbers
from toolmark.trainers.finetuning.checkpoint_files import mark_complete
from toolmark.trainers.json_files import read_json, write_json
from toolmark.trainers.process_group import wait_for_all

if TYPE_CHECKING:
    from toolmark.benchmark.plugins.protocols import DevFigure, Training
    from toolmark.trainers.finetuning.checkpoint_choice import DevScores

__all__ = ["SECONDS_TO_SAVE", "DivergedError", "TrainingProgress", "training_curve"]

_NEAR_END = 0.25
"""A regular checkpoint is left out if fewer steps are left than this share of the steps between two checkpoints."""


SECONDS_TO_SAVE = 600.0
"""If no checkpoint was written for this time, one is written after the step. So a kill costs about ten minutes."""


_IN_CURVE = ("loss", "eval_loss", "learning_rate", "reward", "kl")
"""Figures of a step that the training record keeps. Only trainings with rewards have a reward and a KL divergence."""


class DivergedError(Exception):
    """The loss, the gradient norm or a weight is NaN or infinite at `step`.

    The step before `step` has already made the weights unusable.
    """

    def __init__(self, what: str, step: int) -> None:
        super().__init__(f"{what} at step {step}")
        self.step = step


class TrainingProgress(TrainerCallback):
    """Reports progress, marks and judges complete checkpoints, and stops a training that diverged.

    Of several processes, only the first one writes files and judges checkpoints. The others wait for it.

    Args:
        work: Folder of the checkpoints.
        ctx: Its functions receive the points of the curve and the lines for the user.
        scores: Judges checkpoints on the dev cases.
    """

    def __init__(self, work: Path, ctx: Training, scores: DevScores) -> None:
        self._work, self._ctx, self._scores = work, ctx, scores
        self._first = launched_process().first
        self._began = time.monotonic()
        self._saved, self._only_to_resume = self._began, False
        self._before = float(read_json(work / "seconds.json").get("seconds", 0.0))

    @property
    def seconds(self) -> float:
        """Return the wall time of the training in seconds, including the time before an interruption."""
        return self._before + time.monotonic() - self._began

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Report a point of the curve.

        Raises:
            DivergedError: The loss or the gradient norm is NaN or infinite.
        """
        point = {name: float(value) for name, value in (logs or {}).items() if isinstance(value, int | float)}
        for name in ("loss", "grad_norm"):
            if name in point and not math.isfinite(point[name]):
                raise DivergedError(f"the {name.replace('_', ' ')} is {point[name]}", state.global_step)
        if "loss" in point:
            seconds_a_step = (time.monotonic() - self._began) / max(1, state.global_step - self._first_step)
            left = round(seconds_a_step * (state.max_steps - state.global_step))
            shown = {"step": state.global_step, "of": state.max_steps}
            shown |= {name: round(point[name], 4) for name in ("loss", "reward") if name in point}
            if self._first:
                with (self._work / "curve.jsonl").open("a", encoding="utf-8") as file:
                    file.write(json.dumps(shown) + "\n")
            self._ctx.log({**shown, "seconds_left": left})

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Start a new file for the loss curve. If the training resumes, print the step at which it resumes."""
        self._first_step = state.global_step
        if self._first:
            (self._work / "curve.jsonl").write_text("")
        self._ctx.log({"step": self._first_step, "of": state.max_steps})
        if self._first_step:
            self._ctx.say(f"Resuming at step {self._first_step} of {state.max_steps}.")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Request a checkpoint at the last step, and after a long time, in addition to the regular checkpoints.

        A regular checkpoint shortly before the last step is left out. Its scores would be nearly equal to the scores of
        the last step, and judging a checkpoint takes minutes. A checkpoint after a long time is not judged, so the
        speed of the machine does not change which weights are kept. Several processes write no such checkpoint, because
        all of them would have to write it after the same step.
        """
        steps_left = state.max_steps - state.global_step
        if steps_left == 0:
            control.should_save = True
            control.should_evaluate = args.eval_strategy != "no"
        elif steps_left < args.save_steps * _NEAR_END:
            control.should_save = control.should_evaluate = False
        overdue = time.monotonic() - self._saved > SECONDS_TO_SAVE and launched_process().count == 1
        self._only_to_resume = overdue and not control.should_save
        control.should_save |= overdue

    def on_save(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Mark the checkpoint as complete. If it is no checkpoint that is only used to resume, judge it.

        Raises:
            DivergedError: A weight of the checkpoint or a logit of the model is NaN or infinite.
        """
        if not all(bool(_own_part(weight).isfinite().all()) for weight in model.parameters() if weight.requires_grad):
            raise DivergedError("a weight is not a finite number", state.global_step + 1)
        wait_for_all()  # each process writes its random state to the folder of the checkpoint
        if self._first:
            folder = self._work / f"checkpoint-{state.global_step}"
            write_json(self._work / "seconds.json", {"seconds": self.seconds})
            mark_complete(folder, only_to_resume=self._only_to_resume)
            if not self._only_to_resume:
                self._judge(folder, state)
        wait_for_all()
        self._saved = time.monotonic()

    def _judge(self, folder: Path, state: Any) -> None:
        try:
            figures = self._scores.of(folder)
        except ModelWithoutNumbers:
            raise DivergedError("the model computes NaN or infinite numbers", state.global_step + 1) from None
        shown = "  ".join(f"{name} {100 * one.score:.1f}" for name, one in figures.items() if one.score is not None)
        if shown:
            self._ctx.say(f"dev at step {state.global_step}: {shown}")


def _own_part(weight: Any) -> Any:
    """Return the part of a weight that is in the memory of this process. Without FSDP, this is the whole weight."""
    return weight.to_local() if hasattr(weight, "to_local") else weight


def training_curve(
    history: Sequence[Mapping[str, float]], figures: Mapping[int, Mapping[str, DevFigure]], limit: int = 40
) -> list[dict[str, float]]:
    """Return the curve for the training record: about `limit` points of the loss, and every judged step.

    Args:
        history: The log of the trainer. Each entry has a `step` and figures by name.
        figures: Dev figures by step.
        limit: Approximate number of points of the loss to keep.
    """
    points: dict[int, dict[str, float]] = {}
    for entry in history:
        kept = {name: float(f"{entry[name]:.5g}") for name in _IN_CURVE if name in entry}
        if kept:
            points.setdefault(int(entry["step"]), {}).update(kept)
    for step, found in figures.items():
        scores = {name: round(one.score, 4) for name, one in found.items() if one.score is not None}
        points.setdefault(step, {}).update(scores)
    steps = sorted(points)
    every = max(1, math.ceil(len(steps) / limit))
    shown = {*steps[::every], *steps[-1:], *figures}
    return [{"step": step, **points[step]} for step in steps if step in shown]
