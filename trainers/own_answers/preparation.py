"""The first steps of every training on the model's own answers: the model, the questions and the sampler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import torch

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.engine.model_config import context_length
from toolmark.benchmark.engine.packed_forward import packed_forward
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.trainers.finetuning.adapted_model import load_adapter
from toolmark.trainers.finetuning.checkpoint_choice import check_metric
from toolmark.trainers.finetuning.example_order import chosen_by_share
from toolmark.trainers.own_answers.judged_answers import AnswerSampler
from toolmark.trainers.own_answers.questions import read_questions
from toolmark.trainers.own_answers.shared_prompts import share_prompts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.candidates.spec import Candidate
    from toolmark.benchmark.data.dataset import TraceDataset
    from toolmark.benchmark.engine.adapters import AdaptedModel
    from toolmark.benchmark.plugins.protocols import Training
    from toolmark.trainers.own_answers.options import OwnAnswerOptions
    from toolmark.trainers.own_answers.questions import Question

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """The values with which a training on own answers starts.

    Attributes:
        base: The base.
        work: Folder of the checkpoints.
        start: Folder with a copy of the adapter from which the training starts.
        model: The model, with the adapter in training.
        tokenizer: The tokenizer.
        questions: All questions.
        asked: Indices of the questions of the chosen query types, ascending.
        sampler: Samples and grades answers.
        packed: Whether the model can compute packed rows.
    """

    base: Candidate
    work: Path
    start: Path
    model: AdaptedModel
    tokenizer: PreTrainedTokenizerBase
    questions: list[Question]
    asked: list[int]
    sampler: AnswerSampler
    packed: bool

    def share_prompts(self, temperature: float = 1.0) -> None:
        """Let the model read shared prompts only once in a trainer of TRL. No effect if the model cannot do this."""
        if self.packed:
            share_prompts(self.model.plain, temperature)

    def some(self, most: int, seed: int) -> list[int]:
        """Return at most `most` indices of questions, drawn at random, ascending."""
        drawn = list(self.asked)
        Random(f"questions/{seed}").shuffle(drawn)  # noqa: S311 - repeatable, not secret
        return sorted(drawn[:most])

    def orders(self, seed: int) -> Iterator[int]:
        """Yield indices of questions without an end. Each pass over the questions has another order."""
        rng = Random(f"order/{seed}")  # noqa: S311 - repeatable, not secret
        while True:
            drawn = list(self.asked)
            rng.shuffle(drawn)
            yield from drawn


def prepare(
    base: Candidate | None, data: TraceDataset, out: Path, options: OwnAnswerOptions, ctx: Training
) -> Prepared:
    """Load the model and the questions.

    Raises:
        InputError: There is no base or no adapter, the adapter cannot be trained, or the data has no question that can
            be used.
    """
    if base is None:
        raise InputError("no base model is given", "Give a base model, for example --base pocket")
    if ctx.weights is None or ctx.adapter is None or ctx.dialect is None:
        raise InputError("no adapter is given", "Give the adapter from which the training starts: --adapter DIR")
    check_metric(options.choose, ctx.dev_metrics)
    work = out / "checkpoints"
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(ctx.seed)
    with phase("loading the base and the adapter"):
        model = load_adapter(ctx.weights, ctx.adapter, ctx.device, options.threads)
    tokenizer = open_tokenizer(ctx.weights)
    context = context_length(ctx.weights)
    room = None if context is None else context - options.answer_tokens
    questions = read_questions(data, ctx.dialect, tokenizer, ctx.template_args, room)
    asked = chosen_by_share([question.query_type for question in questions], options.shares, ctx.seed)
    if not asked:
        raise InputError(
            f"{str(data.path)!r} has no question that can be used: {len(questions)} of {len(data.rows())} "
            f"conversations can be graded and fit the context, and --shares {options.shares} selects none of them",
            "Select other query types with --shares, or allow shorter answers with --answer-tokens.",
        )
    ctx.say(f"{len(asked)} questions from {len(data.rows())} conversations.")
    sampler = AnswerSampler(
        model,
        ctx.weights,
        ctx.dialect,
        questions,
        temperature=options.temperature,
        tokens=options.answer_tokens,
        seed=ctx.seed,
        device=ctx.device,
    )
    start = work / "start"
    model.with_adapter.save_pretrained(str(start))
    tokenizer.save_pretrained(start)
    packed = packed_forward(model.plain) is not None
    return Prepared(base, work, start, model, tokenizer, questions, asked, sampler, packed)
