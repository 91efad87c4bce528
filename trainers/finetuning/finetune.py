"""Runs one fine-tuning from start to end.

The steps are: load the model and the examples, train and store checkpoints, choose a checkpoint, and publish its
weights. `checkpoint_files.py` lists the files that a training writes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import datasets  # type: ignore[import-untyped]
import torch
from transformers import PrinterCallback, ProgressCallback
from trl.trainer.sft_config import SFTConfig

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.engine.devices import DEVICES, naming_missing_operations
from toolmark.benchmark.engine.packed_forward import packed_forward
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.benchmark.plugins.protocols import Trained
from toolmark.trainers.finetuning.adapted_model import load_trainable, loraplus_optimizer, without_adapter
from toolmark.trainers.finetuning.batch_layout import BatchLayout, LossWeights, packed_rows, padded_rows
from toolmark.trainers.finetuning.checkpoint_choice import DevScores, choose_checkpoint
from toolmark.trainers.finetuning.checkpoint_files import complete_checkpoints, publish, read_json, write_json
from toolmark.trainers.finetuning.example_order import arrange, chosen_by_share
from toolmark.trainers.finetuning.example_trainer import ExampleTrainer
from toolmark.trainers.finetuning.training_progress import DivergedError, TrainingProgress, training_curve
from toolmark.trainers.precision_choice import PrecisionChoice, choose_precision

if TYPE_CHECKING:
    from toolmark.benchmark.candidates.spec import Candidate
    from toolmark.benchmark.engine.encoding import Encoded
    from toolmark.benchmark.plugins.protocols import Training
    from toolmark.trainers.finetuning.options import LoraOptions

__all__ = ["finetune"]


def finetune(base: Candidate | None, out: Path, options: LoraOptions, ctx: Training) -> Trained:
    """Train as described in `LoraTrainer.train`. An interrupted training resumes at the last complete checkpoint.

    Raises:
        InputError: There is no base, `--shares` leaves no conversation, an option does not fit, or the loss diverged.
        EnvironmentFault: A file could not be written.
    """
    if base is None or ctx.weights is None:
        raise InputError("no base model is given", "Give a base model, for example --base pocket")
    work = out / "checkpoints"
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(ctx.seed)
    indices = _training_indices(ctx, options)
    with phase("loading the base"):
        model = load_trainable(ctx.weights, options, ctx.device)
    examples = [ctx.examples("train")[index] for index in indices]
    order = arrange(examples, options.order, options.together, options.epochs, ctx.seed)
    layout: BatchLayout = packed_rows if packed_forward(without_adapter(model)) is not None else padded_rows
    precision = _precision(work, model, examples, order, options, ctx.device)
    torch.set_num_threads(precision.threads)
    rows = layout.__name__.replace("_", " ")
    ctx.say(f"Training on {len(examples)} conversations in {rows}; device: {ctx.device}, {precision.why}.")

    weights = _loss_weights(ctx, options, indices)
    validation = _validation(ctx, options)
    trainer = _trainer(model, layout, examples, weights, order, validation, work, options, precision, ctx)
    scores = DevScores(ctx.score_dev)
    progress = TrainingProgress(work, ctx, scores)
    trainer.add_callback(progress)
    try:
        known = complete_checkpoints(work)
        with naming_missing_operations(ctx.device):
            trainer.train(resume_from_checkpoint=str(known[max(known)]) if known else None)
    except (KeyboardInterrupt, OSError, DivergedError) as error:
        _stop(error, work)

    checkpoints = complete_checkpoints(work)
    history = trainer.state.log_history
    figures = {step: scores.of(folder) for step, folder in checkpoints.items()}
    losses = {int(point["step"]): float(point["eval_loss"]) for point in history if "eval_loss" in point}
    choice = choose_checkpoint(figures, losses, options.choose)
    ctx.say(f"Kept {choice.why}.")
    publish(checkpoints[choice.step], out, base)
    shutil.rmtree(work)
    shutil.rmtree(out / "dev", ignore_errors=True)
    last_losses = [float(point["loss"]) for point in history if "loss" in point][-50:]
    final = {"loss": round(sum(last_losses) / len(last_losses), 4)}
    return Trained(
        tokens=int(trainer.state.num_input_tokens_seen),
        seconds=progress.seconds,
        losses=final | ({"eval_loss": losses[choice.step]} if losses else {}),
        curve=training_curve(history, figures),
        chosen_step=choice.step,
        measured={"device": ctx.device, "threads": precision.threads, "precision": precision.precision},
    )


def _training_indices(ctx: Training, options: LoraOptions) -> list[int]:
    query_types = ctx.query_types("train")
    indices = chosen_by_share(query_types, options.shares, ctx.seed)
    if not indices:
        raise InputError(
            f"--shares {options.shares} selects none of the {len(query_types)} conversations",
            f"The data has the query types {', '.join(sorted(set(query_types)))}. "
            "To use all conversations: --shares '{}'",
        )
    return indices


def _validation(ctx: Training, options: LoraOptions) -> list[Encoded]:
    """Return the examples of the validation split, chosen and ordered with the same options as the training split."""
    indices = chosen_by_share(ctx.query_types("validation"), options.shares, ctx.seed)
    examples = [ctx.examples("validation")[index] for index in indices]
    return [examples[index] for index in arrange(examples, options.order, options.together, 1, ctx.seed)]


def _loss_weights(ctx: Training, options: LoraOptions, indices: Sequence[int]) -> LossWeights:
    if options.decision_weight == 1:
        return [{} for _ in indices]
    decisions = ctx.decisions("train")
    return [dict.fromkeys(decisions[index], options.decision_weight) for index in indices]


def _precision(
    work: Path, model: Any, examples: Sequence[Encoded], order: Sequence[int], options: LoraOptions, device: str
) -> PrecisionChoice:
    """Return the number of threads and the precision. A resumed training uses the stored choice of its first start."""
    plan = work / "plan.json"
    if plan.exists():
        return PrecisionChoice(**read_json(plan))
    of_a_step = sum(len(examples[index].ids) for index in order[: options.batch * options.accumulation])
    tokens = min(of_a_step, options.pass_tokens)
    with phase("measuring the speed of this machine"):
        found = choose_precision(model.config, tokens, options.precision, options.threads, device)
    write_json(plan, {"threads": found.threads, "precision": found.precision, "why": found.why})
    return found


def _trainer(
    model: Any,
    layout: BatchLayout,
    examples: Sequence[Encoded],
    weights: LossWeights,
    order: Sequence[int],
    validation: Sequence[Encoded],
    work: Path,
    options: LoraOptions,
    precision: PrecisionChoice,
    ctx: Training,
) -> ExampleTrainer:
    conversations_a_step = options.batch * options.accumulation
    longest = max(len(example.ids) for example in examples)
    fitting = min(conversations_a_step, max(1, options.pass_tokens // longest))
    batch = next(size for size in range(fitting, 0, -1) if conversations_a_step % size == 0)
    everything, all_weights = [*examples, *validation], [*weights, *({} for _ in validation)]
    kind = DEVICES[ctx.device].torch_name
    config = SFTConfig(
        output_dir=str(work),
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=batch,
        gradient_accumulation_steps=conversations_a_step // batch,
        # TRL turns checkpointing on by default. The option has an old and a new name, and both must be set.
        gradient_checkpointing=None,  # type: ignore[arg-type]
        activation_checkpointing=False,
        learning_rate=options.lr,
        lr_scheduler_type=options.schedule,
        warmup_steps=options.warmup,
        max_grad_norm=options.grad_norm,
        weight_decay=0.0,
        adam_beta2=options.beta2,
        num_train_epochs=1,
        seed=ctx.seed,
        bf16=precision.precision == "bfloat16",
        use_cpu=kind == "cpu",
        logging_steps=1,
        save_strategy="steps",
        save_steps=options.score_every,
        eval_strategy="steps" if validation else "no",
        eval_steps=options.score_every,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=kind == "cuda",
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
    )
    config._n_gpu = min(config.n_gpu, 1)  # with several GPUs, transformers would split each packed row

    def collate(rows: Sequence[Mapping[str, int]]) -> dict[str, Any]:
        indices = [row["example"] for row in rows]
        return layout([everything[index] for index in indices], [all_weights[index] for index in indices])

    trainer = ExampleTrainer(
        model=model,
        args=config,
        train_dataset=_index_dataset(order),
        eval_dataset=_index_dataset(range(len(examples), len(everything))) if validation else None,
        data_collator=collate,
        processing_class=open_tokenizer(ctx.weights),  # type: ignore[arg-type]
        optimizers=(loraplus_optimizer(model, options), None),
    )
    for shown in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(shown)
    return trainer


def _index_dataset(indices: Iterable[int]) -> Any:
    """Return a dataset of indices into the examples. The collator finds the examples by these indices."""
    return datasets.Dataset.from_dict({"example": list(indices)})


def _stop(error: BaseException, work: Path) -> NoReturn:
    """Raise an error that says why the training stopped, which checkpoint is kept, and how to resume."""
    checkpoints = complete_checkpoints(work)
    if isinstance(error, DivergedError):
        for step in [step for step in checkpoints if step >= error.step - 1]:
            shutil.rmtree(checkpoints.pop(step))
    last = checkpoints[max(checkpoints)] if checkpoints else None
    kept = f"The last good checkpoint is {last}." if last else "There is no checkpoint yet."
    if isinstance(error, DivergedError):
        raise InputError(str(error), f"{kept} Train again with a lower --lr and another --out.") from None
    if isinstance(error, OSError):
        raise EnvironmentFault(
            f"training stopped: {error}", f"{kept} Remove the cause, then repeat the same command to resume."
        ) from error
    raise KeyboardInterrupt(kept) from None
