"""Fine-tunes a base on encoded conversations: loads the model and the examples, and makes the trainer of TRL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from trl.trainer.sft_config import SFTConfig

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.launched_process import launched_process
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.engine.packed_forward import packed_forward
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.benchmark.plugins.protocols import Trained
from toolmark.trainers.finetuning.adapted_model import load_trainable, loraplus_optimizer, without_adapter
from toolmark.trainers.finetuning.batch_layout import (
    BatchLayout,
    LossWeights,
    packed_rows,
    padded_rows,
    without_weight,
)
from toolmark.trainers.finetuning.checkpoint_choice import check_metric
from toolmark.trainers.finetuning.example_order import arrange, chosen_by_share
from toolmark.trainers.finetuning.example_trainer import ExampleTrainer
from toolmark.trainers.finetuning.step_passes import passes_that_fit, split_steps
from toolmark.trainers.finetuning.training_plan import TrainingPlan, training_plan
from toolmark.trainers.finetuning.training_run import (
    index_dataset,
    one_gpu,
    run_to_published_weights,
    training_arguments,
)
from toolmark.trainers.process_group import check_sharding, connect

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
    if check_sharding() and (options.qlora or options.lr_ratio != 1):
        raise InputError(
            "the weights are sharded over the processes (FSDP), which is not possible with --qlora or --lr-ratio",
            "Leave the option out, or set distributed_type: MULTI_GPU in the configuration file of accelerate.",
        )
    check_metric(options.choose, ctx.dev_metrics)
    work = out / "checkpoints"
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(ctx.seed)
    indices = _training_indices(ctx, options)
    connect(ctx.device)
    with phase("loading the base"):
        model = load_trainable(ctx.weights, options, ctx.device)
    examples = [ctx.examples("train")[index] for index in indices]
    order = arrange(examples, options.order, options.together, options.epochs, ctx.seed)
    layout: BatchLayout = packed_rows if packed_forward(without_adapter(model)) is not None else padded_rows
    of_a_step = sum(len(examples[index].ids) for index in order[: options.batch * options.accumulation])
    plan = training_plan(work, model, of_a_step, options, ctx.device)
    rows = layout.__name__.replace("_", " ")
    processes = launched_process().count
    where = ctx.device if processes == 1 else f"{ctx.device} in {processes} processes"
    ctx.say(f"Training on {len(examples)} conversations in {rows}; device: {where}, {plan.precision.why}.")

    weights = _loss_weights(ctx, options, indices)
    validation = _validation(ctx, options)
    trainer = _trainer(model, layout, examples, weights, order, validation, work, options, plan, ctx)
    return run_to_published_weights(trainer, base, out, options, ctx, plan)


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


def _trainer(
    model: Any,
    layout: BatchLayout,
    examples: Sequence[Encoded],
    weights: LossWeights,
    order: Sequence[int],
    validation: Sequence[Encoded],
    work: Path,
    options: LoraOptions,
    plan: TrainingPlan,
    ctx: Training,
) -> ExampleTrainer:
    of_a_step, processes = options.batch * options.accumulation, launched_process().count
    packed = layout is packed_rows
    passes = ceil(passes_that_fit(examples, order, of_a_step, plan.pass_tokens, packed=packed) / processes)
    read = split_steps(examples, order, of_a_step, passes * processes, packed=packed)
    rows = ceil(of_a_step / passes / processes)
    judged = [tuple(range(first, min(first + rows, len(validation)))) for first in range(0, len(validation), rows)]
    shortest = min(examples, key=lambda example: len(example.ids))
    supervised = sum(sum(example.supervised) for example in validation)
    config = SFTConfig(
        **training_arguments(options, ctx, work, plan),
        per_device_train_batch_size=1,
        per_device_eval_batch_size=1,
        gradient_accumulation_steps=passes,
        eval_strategy="steps" if validation else "no",
        eval_steps=options.score_every,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
    )

    def collate(rows: Sequence[Mapping[str, int]]) -> dict[str, Any]:
        (number,) = (row["example"] for row in rows)
        if number >= len(read):
            return layout([validation[index] for index in judged[number - len(read)]])
        if not read[number]:
            return without_weight(layout([shortest]))
        return layout([examples[index] for index in read[number]], [weights[index] for index in read[number]])

    return ExampleTrainer(
        model=model,
        args=one_gpu(config),
        train_dataset=index_dataset(range(len(read))),
        eval_dataset=index_dataset(range(len(read), len(read) + len(judged))) if validation else None,
        data_collator=collate,
        processing_class=open_tokenizer(ctx.weights),  # type: ignore[arg-type]
        optimizers=(loraplus_optimizer(model, options), None),
        validation_weight=supervised / max(1, len(judged)),
    )
