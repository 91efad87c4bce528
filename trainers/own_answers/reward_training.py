"""Trains with TRL's GRPO trainer on the grades of the model's own answers (Shao et al. 2024, arXiv:2402.03300).

Loss, advantages, optimizer and the KL divergence from the start come from TRL. Answers are sampled by the engine of the
evaluation, from the model in memory. The reward of an answer depends on its grade alone.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets  # type: ignore[import-untyped]
import torch
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import split_tensor_dict

from toolmark.trainers.finetuning.training_plan import training_plan
from toolmark.trainers.finetuning.training_run import (
    one_gpu,
    rows_per_pass,
    run_to_published_weights,
    training_arguments,
)
from toolmark.trainers.own_answers.preparation import prepare

if TYPE_CHECKING:
    from toolmark.benchmark.candidates.spec import Candidate
    from toolmark.benchmark.data.dataset import TraceDataset
    from toolmark.benchmark.plugins.protocols import Trained, Training
    from toolmark.trainers.own_answers.options import GrpoOptions
    from toolmark.trainers.own_answers.preparation import Prepared

__all__ = ["train_on_rewards"]


def train_on_rewards(
    base: Candidate | None, data: TraceDataset, out: Path, options: GrpoOptions, ctx: Training
) -> Trained:
    """Sample, grade and train in turns. An interrupted training resumes at the last complete checkpoint.

    Raises:
        InputError: An option does not fit, or the loss diverged.
        EnvironmentFault: A file could not be written.
    """
    prepared = prepare(base, data, out, options, ctx)
    answers = options.batch * options.samples
    longest = max(len(prepared.questions[number].ids) for number in prepared.asked)
    # In packed rows, the answers to a question share its prompt.
    row = options.answer_tokens + (longest // options.samples if prepared.packed else longest)
    plan = training_plan(prepared.work, prepared.model.with_adapter, row * answers, options, ctx.device)
    rows = rows_per_pass(answers, row, plan.pass_tokens, options.samples)
    ctx.say(
        f"{options.steps} steps of {options.batch} questions with {options.samples} answers each; device: "
        f"{ctx.device}, {plan.precision.why}."
    )
    config = GRPOConfig(
        **training_arguments(options, ctx, prepared.work, plan),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=answers // rows,  # TRL also samples once for each optimizer step
        num_generations=options.samples,
        max_completion_length=options.answer_tokens,
        temperature=options.temperature,
        beta=options.beta,
        disable_dropout=True,
        shuffle_dataset=False,  # the order below continues after an interruption
    )
    order = islice(prepared.orders(ctx.seed), options.steps * options.batch)
    rollouts = _Rollouts(prepared)

    def grade(result: Sequence[str], **_: Any) -> list[float | None]:
        return [options.reward(one) for one in result]

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You are using 'rollout_func'")  # a test pins its behaviour
        trainer = _RewardTrainer(
            model=prepared.model.with_adapter,
            reward_funcs=[grade],
            args=one_gpu(config),
            train_dataset=datasets.Dataset.from_dict({"prompt": [str(number) for number in order]}),
            processing_class=prepared.tokenizer,
            rollout_func=rollouts,
        )
    prepared.share_prompts(options.temperature)
    began = time.monotonic()
    trained = run_to_published_weights(trainer, prepared.base, out, options, ctx, plan, prepared.start)
    if not rollouts.seconds:
        return trained
    share = rollouts.seconds / (time.monotonic() - began)
    ctx.say(f"Sampling answers took {share:.0%} of the time.")
    return replace(trained, measured={**trained.measured, "sampling_share": round(share, 3)})


class _RewardTrainer(GRPOTrainer):
    """TRL's GRPO trainer, with the answers to a question in the same forward pass, so that they share their prompt.

    TRL shuffles the answers of an optimizer step, and then divides them into passes. The gradient of a step is the sum
    over its passes, so it does not depend on this order.
    """

    def _prepare_inputs(self, generation_batch: dict[str, Any]) -> dict[str, Any]:
        """Return the answers of the next pass."""
        known = self._buffered_inputs
        answers: dict[str, Any] = super()._prepare_inputs(generation_batch)
        if self._buffered_inputs is known:
            return answers
        self._buffered_inputs = _by_prompt(self._buffered_inputs)
        return self._buffered_inputs[self._step % len(self._buffered_inputs)]


def _by_prompt(passes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the same answers in passes of the same size, but answers to equal prompts follow each other.

    Args:
        passes: For each pass, the tensors of its answers. The first dimension of a tensor is the answer. Values that
            are no such tensors belong to all passes.
    """
    prompts = torch.cat([one["prompt_ids"] for one in passes])
    order = torch.unique(prompts, dim=0, return_inverse=True)[1].argsort(stable=True)
    whole = {
        name: torch.cat([one[name] for one in passes])[order]
        if isinstance(value, torch.Tensor) and value.ndim
        else value
        for name, value in passes[0].items()
    }
    return split_tensor_dict(whole, len(passes))


class _Rollouts:
    """Samples the answers of an optimizer step for TRL.

    Attributes:
        seconds: Wall time of the sampling so far.
    """

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self.seconds = 0.0

    def __call__(self, prompts: list[str], trainer: GRPOTrainer) -> dict[str, Any]:
        """Return the answers to `prompts`, which are indices of questions. TRL repeats each of them once per answer."""
        began = time.monotonic()
        draws, questions = int(trainer.num_generations or 1), self._prepared.questions
        numbers = [int(prompt) for prompt in prompts]
        sampled = self._prepared.sampler.sample(numbers[::draws], draws, trainer.state.global_step + 1)
        answers = [answer for group in sampled for answer in group]
        self.seconds += time.monotonic() - began
        return {
            "prompt_ids": [questions[number].ids for number in numbers],
            "completion_ids": [answer.ids for answer in answers],
            "logprobs": None,  # TRL computes them
            "result": [answer.result for answer in answers],
        }
