"""Trains with TRL's DPO trainer on pairs of the model's own answers (Rafailov et al. 2023, arXiv:2305.18290).

Optimizer, loss and the reference come from TRL. The reference is a copy of the adapter from which the training starts.
The token ids come from Toolmark: the prompts of the evaluation, and exactly the tokens that the model wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DataCollatorForPreference, DPOTrainer

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.engine.encoding import Encoded
from toolmark.trainers.finetuning.example_order import arrange
from toolmark.trainers.finetuning.training_plan import training_plan
from toolmark.trainers.finetuning.training_run import (
    index_dataset,
    one_gpu,
    rows_per_pass,
    run_to_published_weights,
    training_arguments,
)
from toolmark.trainers.own_answers.pairs import PAIRS_FILE, Pair, causes_of, read_or_make, repeated
from toolmark.trainers.own_answers.preparation import prepare

if TYPE_CHECKING:
    from toolmark.benchmark.candidates.spec import Candidate
    from toolmark.benchmark.data.dataset import TraceDataset
    from toolmark.benchmark.plugins.protocols import Trained, Training
    from toolmark.trainers.own_answers.options import DpoOptions
    from toolmark.trainers.own_answers.questions import Question

__all__ = ["train_on_pairs"]

_TOGETHER = 16
"""Highest number of pairs that follow each other because their prompts begin alike."""


def train_on_pairs(
    base: Candidate | None, data: TraceDataset, out: Path, options: DpoOptions, ctx: Training
) -> Trained:
    """Sample answers, make pairs, and train. An interrupted training resumes at the last complete checkpoint.

    Raises:
        InputError: No sampled answer is wrong, an option does not fit, or the loss diverged.
        EnvironmentFault: A file could not be written.
    """
    prepared = prepare(base, data, out, options, ctx)
    tokens = options.batch * max(len(question.ids) for question in prepared.questions)
    plan = training_plan(prepared.work, prepared.model.with_adapter, tokens, options, ctx.device)
    asked = prepared.some(options.questions, ctx.seed)
    pairs = read_or_make(out / PAIRS_FILE, prepared.questions, asked, prepared.sampler, options.samples, options.pairs)
    if not pairs:
        raise InputError(
            f"all {len(asked) * options.samples} sampled answers are right, so there are no pairs",
            "Sample more answers with --samples, or at a higher --temperature, and give another --out.",
        )
    read = list(repeated(pairs, options.weights, ctx.seed))
    if not read:
        raise InputError(
            f"--weights {options.weights} leaves none of the pairs: {causes_of(pairs)}",
            "Give higher --weights, and another --out.",
        )
    own = sum(pair.own for pair in pairs)
    ctx.say(
        f"{len(pairs)} pairs from {len(asked)} questions: {causes_of(pairs)}. The right answer is the model's own in "
        f"{own} pairs, and gold in the others. Device: {ctx.device}, {plan.precision.why}."
    )
    rows = [_row(pairs[index], prepared.questions) for index in read]
    order = _order(rows, options, ctx.seed)
    longest = max(sum(map(len, row.values())) for row in rows)
    batch = rows_per_pass(options.batch, longest, plan.pass_tokens)
    config = DPOConfig(
        **training_arguments(options, ctx, prepared.work, plan),
        train_sampling_strategy="sequential",
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=options.batch // batch,
        beta=options.beta,
        loss_type=["sigmoid", "sft"] if options.gold_weight else ["sigmoid"],
        loss_weights=[1.0, options.gold_weight] if options.gold_weight else None,
        max_length=None,
    )
    pad = prepared.tokenizer.pad_token_id
    collate = DataCollatorForPreference(pad_token_id=0 if pad is None else int(pad))
    trainer = _PairTrainer(
        model=prepared.model.with_adapter,
        args=one_gpu(config),
        train_dataset=index_dataset(order),
        data_collator=lambda chosen: collate([rows[item["example"]] for item in chosen]),
        processing_class=prepared.tokenizer,
    )
    prepared.share_prompts()
    return run_to_published_weights(trainer, prepared.base, out, options, ctx, plan, prepared.start)


def _row(pair: Pair, questions: Sequence[Question]) -> dict[str, list[int]]:
    return {"prompt_ids": questions[pair.question].ids, "chosen_ids": pair.chosen, "rejected_ids": pair.rejected}


def _order(rows: Sequence[Mapping[str, list[int]]], options: DpoOptions, seed: int) -> list[int]:
    """Return the order in which the pairs are read. Pairs whose prompts begin alike follow each other."""
    examples = [
        Encoded(
            row["prompt_ids"] + row["chosen_ids"],
            [False] * len(row["prompt_ids"]) + [True] * len(row["chosen_ids"]),
        )
        for row in rows
    ]
    return arrange(examples, "prefix", min(_TOGETHER, options.batch), options.epochs, seed)


class _PairTrainer(DPOTrainer):
    """TRL's DPO trainer on a dataset of indices. The collator finds the pairs by these indices.

    `state.num_input_tokens_seen` is the number of tokens that the training has read so far.
    """

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return TRL's loss, and count the tokens."""
        self.state.num_input_tokens_seen += int(inputs["attention_mask"].sum())
        return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)  # type: ignore[no-untyped-call]
