"""Runs a trainer of TRL from its start, or from its last complete checkpoint, to the published weights.

Every fine-tuning uses this module. It resumes an interrupted training, judges checkpoints on the dev cases, chooses a
checkpoint, and publishes its weights. `checkpoint_files.py` lists the files that a training writes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import datasets  # type: ignore[import-untyped]
from transformers import PrinterCallback, ProgressCallback

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.launched_process import launched_process
from toolmark.benchmark.engine.devices import DEVICES, naming_missing_operations
from toolmark.benchmark.plugins.protocols import Trained
from toolmark.trainers.finetuning.checkpoint_choice import DevScores, choose_checkpoint, scores_of_start
from toolmark.trainers.finetuning.checkpoint_files import complete_checkpoints, judged_checkpoints, publish
from toolmark.trainers.finetuning.training_plan import TrainingPlan
from toolmark.trainers.finetuning.training_progress import DivergedError, TrainingProgress, training_curve
from toolmark.trainers.process_group import disconnect, wait_for_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolmark.benchmark.candidates.spec import Candidate
    from toolmark.benchmark.plugins.protocols import Training
    from toolmark.trainers.finetuning.options import OptimizationOptions

__all__ = [
    "index_dataset",
    "one_gpu",
    "rows_per_pass",
    "run_to_published_weights",
    "training_arguments",
]

_DIVERGED_FIX = "Train again with a lower --lr and another --out."


def rows_per_pass(rows: int, longest: int, pass_tokens: int, group: int = 1) -> int:
    """Return the number of rows in a forward pass: the largest divisor of `rows` that fits.

    Args:
        rows: Number of rows in an optimizer step.
        longest: Number of tokens of the longest row.
        pass_tokens: Approximate limit for the tokens of a forward pass.
        group: Number of rows that share a prompt. A pass has whole groups, or an equal part of one group.
    """
    fitting = min(rows, max(1, pass_tokens // longest))
    sizes = (size for size in range(fitting, 0, -1) if rows % size == 0)
    return next(size for size in sizes if size % group == 0 or group % size == 0)


def training_arguments(options: OptimizationOptions, ctx: Training, work: Path, plan: TrainingPlan) -> dict[str, Any]:
    """Return the arguments of TRL's configurations that are the same for every training."""
    kind = DEVICES[ctx.device].torch_name
    return {
        "output_dir": str(work),
        # TRL turns checkpointing on by default. The option has an old and a new name, and both must be set.
        "gradient_checkpointing": None,
        "activation_checkpointing": False,
        "learning_rate": options.lr,
        "lr_scheduler_type": options.schedule,
        "warmup_steps": options.warmup,
        "max_grad_norm": options.grad_norm,
        "weight_decay": 0.0,
        "adam_beta2": options.beta2,
        "num_train_epochs": 1,
        "seed": ctx.seed,
        "bf16": plan.precision.precision == "bfloat16",
        "use_cpu": kind == "cpu",
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": options.score_every,
        "report_to": "none",
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataloader_pin_memory": kind == "cuda",
        "ddp_find_unused_parameters": False,
    }


def one_gpu(config: Any) -> Any:
    """Return the configuration for at most one GPU. With several GPUs, transformers would split each packed row."""
    config._n_gpu = min(config.n_gpu, 1)
    return config


def index_dataset(indices: Iterable[int]) -> Any:
    """Return a dataset of indices into the examples. The collator finds the examples by these indices."""
    return datasets.Dataset.from_dict({"example": list(indices)})


def run_to_published_weights(
    trainer: Any,
    base: Candidate,
    out: Path,
    options: OptimizationOptions,
    ctx: Training,
    plan: TrainingPlan,
    start: Path | None = None,
) -> Trained:
    """Train, choose a checkpoint, and publish its weights. An interrupted training resumes at its last checkpoint.

    Of several processes, only the first process judges checkpoints and publishes weights.

    Args:
        trainer: A trainer of TRL that writes its checkpoints to the folder `checkpoints` in `out`.
        base: The base.
        out: Folder of the weights.
        options: The options of the training.
        ctx: The values and functions of the host.
        plan: How the training uses this machine.
        start: Folder with the weights from which the training starts. These weights are kept if they are better on the
            dev cases than every checkpoint. None means that these weights are never kept.

    Raises:
        InputError: The loss became NaN or infinite.
        EnvironmentFault: A file could not be written.
    """
    work = out / "checkpoints"
    scores = DevScores(ctx.score_dev)
    progress = TrainingProgress(work, ctx, scores)
    for shown in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(shown)
    trainer.add_callback(progress)
    trainer.create_model_card = lambda *_, **__: None  # the host writes the card when training is finished
    first = launched_process().first
    try:
        known = complete_checkpoints(work) if first else {}
        wait_for_all()
        known = known or complete_checkpoints(work)
        with naming_missing_operations(ctx.device):
            trainer.train(resume_from_checkpoint=str(known[max(known)]) if known else None)
    except (KeyboardInterrupt, OSError, DivergedError) as error:
        _stop(error, work)
    disconnect()
    if not first:
        return Trained(int(trainer.state.num_input_tokens_seen), progress.seconds, {}, [])

    checkpoints = judged_checkpoints(work)
    history = trainer.state.log_history
    figures = {step: scores.of(folder) for step, folder in checkpoints.items()}
    if start is not None:
        checkpoints = {0: start, **checkpoints}
        figures = {0: scores_of_start(figures), **figures}
    losses = {int(point["step"]): float(point["eval_loss"]) for point in history if "eval_loss" in point}
    choice = choose_checkpoint(figures, losses, options.choose)
    ctx.say(f"Kept {choice.why}.")
    publish(checkpoints[choice.step], out, base)
    shutil.rmtree(work)
    shutil.rmtree(out / "dev", ignore_errors=True)
    return Trained(
        tokens=int(trainer.state.num_input_tokens_seen),
        seconds=progress.seconds,
        losses=_final_loss(history) | ({"eval_loss": losses[choice.step]} if losses else {}),
        curve=training_curve(history, figures),
        chosen_step=choice.step,
        measured={
            "device": ctx.device,
            "processes": launched_process().count,
            "threads": plan.precision.threads,
            "precision": plan.precision.precision,
            "pass_tokens": plan.pass_tokens,
        },
    )


def _final_loss(history: Sequence[Mapping[str, float]]) -> dict[str, float]:
    last = [float(point["loss"]) for point in history if "loss" in point][-50:]
    return {"loss": round(sum(last) / len(last), 4)}


def _stop(error: BaseException, work: Path) -> NoReturn:
    """Raise an error that says why the training stopped, which checkpoint is kept, and how to resume."""
    if not launched_process().first:
        raise InputError(str(error), _DIVERGED_FIX) if isinstance(error, DivergedError) else error
    checkpoints = complete_checkpoints(work)
    if isinstance(error, DivergedError):
        for step in [step for step in checkpoints if step >= error.step - 1]:
            shutil.rmtree(checkpoints.pop(step))
    last = checkpoints[max(checkpoints)] if checkpoints else None
    kept = f"The last good checkpoint is {last}." if last else "There is no checkpoint yet."
    if isinstance(error, DivergedError):
        raise InputError(str(error), f"{kept} {_DIVERGED_FIX}") from None
    if isinstance(error, OSError):
        raise EnvironmentFault(
            f"training stopped: {error}", f"{kept} Remove the cause, then repeat the same command to resume."
        ) from error
    raise KeyboardInterrupt(kept) from None
