"""Which steps of a training are scored."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("trl")

from transformers import DefaultFlowCallback, TrainerControl, TrainerState, TrainingArguments

from toolmark.benchmark.plugins.protocols import Training
from toolmark.trainers.finetuning.checkpoint_choice import DevScores
from toolmark.trainers.finetuning.training_progress import TrainingProgress


@pytest.mark.parametrize(
    ("steps", "every", "scored"),
    [
        (51, 50, [51]),
        (63, 50, [50, 63]),
        (112, 50, [50, 112]),
        (100, 50, [50, 100]),
        (3, 1, [1, 2, 3]),
        (5, 2, [2, 4, 5]),
    ],
)
def test_the_last_step_is_scored_and_none_shortly_before(
    tmp_path: Path, steps: int, every: int, scored: list[int]
) -> None:
    args = TrainingArguments(
        str(tmp_path), save_strategy="steps", save_steps=every, eval_strategy="steps", eval_steps=every, use_cpu=True
    )
    context = Training(1, lambda _: None, lambda _: None)
    callbacks = [DefaultFlowCallback(), TrainingProgress(tmp_path, context, DevScores(context.score_dev))]
    state, found = TrainerState(max_steps=steps, save_steps=every, eval_steps=every), []
    for step in range(1, steps + 1):
        state.global_step, control = step, TrainerControl()
        for callback in callbacks:
            callback.on_step_end(args, state, control)
        assert control.should_save == control.should_evaluate
        found += [step] * control.should_save
    assert found == scored
