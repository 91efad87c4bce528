"""Measures how fast `grpo` samples answers, and how fast TRL's own sampling is, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from toolmark.benchmark.candidates.recipes import Recipe
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.engine.model_folder import locate
from toolmark.trainers.own_answers.options import GrpoOptions

__all__ = ["RolloutSpeed", "rollout_speed"]

_TURNS = 3


@dataclass(frozen=True, slots=True)
class RolloutSpeed:
    """The processor time of the sampling of optimizer steps.

    Attributes:
        questions: Number of questions in a step.
        samples: Number of answers to each question.
        ours: Seconds of processor time of Toolmark's engine, one value for each step.
        theirs: Seconds of processor time of TRL's sampling with `generate`, one value for each step.
        tokens: Number of tokens that were written: by Toolmark's engine, and by TRL.
    """

    questions: int
    samples: int
    ours: list[float]
    theirs: list[float]
    tokens: tuple[int, int]

    @property
    def ratios(self) -> list[float]:
        """Return TRL's time divided by Toolmark's time, for each step."""
        return [other / one for one, other in zip(self.ours, self.theirs, strict=True)]


def rollout_speed(recipe: Recipe, adapter: str, data: Path, threads: int) -> RolloutSpeed:
    """Let both sample answers to the same questions in turns, in float32. The lengths of the answers differ by chance.

    Args:
        recipe: A recipe with the trainer `grpo`.
        adapter: The adapter that answers.
        data: Folder of the training data.
        threads: Number of processor threads.
    """
    import datasets  # type: ignore[import-untyped]
    import torch
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer

    from toolmark.benchmark.engine.tokenizer import open_tokenizer
    from toolmark.trainers.finetuning.adapted_model import load_adapter
    from toolmark.trainers.own_answers.judged_answers import AnswerSampler
    from toolmark.trainers.own_answers.questions import read_questions

    torch.set_num_threads(threads)
    given = {name: value for name, value in recipe.trainer.options.items() if name in GrpoOptions.model_fields}
    options, folders = GrpoOptions(**given), locate(resolve(f"{recipe.base}:{adapter}"))
    dialect, tokenizer = load("toolmark.dialects", str(recipe.dialect))(), open_tokenizer(folders.base)
    model = load_adapter(folders.base, Path(str(folders.adapter)))
    questions = read_questions(TraceDataset(data), dialect, tokenizer, {}, None)
    sampler = AnswerSampler(
        model,
        folders.base,
        dialect,
        questions,
        temperature=options.temperature,
        tokens=options.answer_tokens,
        seed=1,
        device="cpu",
    )
    asked = Random(1).sample(range(len(questions)), _TURNS * options.batch)
    with TemporaryDirectory() as work:
        trainer = GRPOTrainer(
            model=model.with_adapter,
            reward_funcs=[lambda completions, **_: [0.0] * len(completions)],
            args=GRPOConfig(
                output_dir=work,
                per_device_train_batch_size=options.batch * options.samples,
                num_generations=options.samples,
                max_completion_length=options.answer_tokens,
                temperature=options.temperature,
                use_cpu=True,
                bf16=False,
                report_to="none",
            ),
            train_dataset=datasets.Dataset.from_dict({"prompt": [str(number) for number in asked]}),
            processing_class=tokenizer,
        )

    def mine(numbers: list[int], turn: int) -> int:
        return sum(len(one.ids) for group in sampler.sample(numbers, options.samples, turn) for one in group)

    def trl(numbers: list[int], _: int) -> int:
        prompts = [questions[number].ids for number in numbers for _ in range(options.samples)]
        return sum(map(len, trainer._generate_single_turn(prompts, None, {}, options.samples)[0]))

    seconds, tokens = ([], []), [0, 0]
    for turn in range(_TURNS):
        numbers = asked[turn * options.batch : (turn + 1) * options.batch]
        for place, sample in enumerate((mine, trl)):
            taken, written = _timed(sample, numbers, turn)
            seconds[place].append(taken)
            tokens[place] += written
    return RolloutSpeed(options.batch, options.samples, *seconds, (tokens[0], tokens[1]))


def _timed(sample: Callable[[list[int], int], int], numbers: list[int], turn: int) -> tuple[float, int]:
    began = time.process_time()
    written = sample(numbers, turn)
    return time.process_time() - began, written
