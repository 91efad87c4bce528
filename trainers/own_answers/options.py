"""The options of `toolmark train dpo` and `toolmark train grpo`."""

from __future__ import annotations

from pydantic import Field, field_validator

from toolmark.trainers.finetuning.options import OptimizationOptions, check_names, checked_shares
from toolmark.trainers.own_answers.rewards import DEFAULT_REWARDS, RIGHT

__all__ = ["DpoOptions", "GrpoOptions", "OwnAnswerOptions"]


class OwnAnswerOptions(OptimizationOptions):
    """Options of every training on the model's own answers."""

    lr: float = Field(default=2e-5, gt=0, description="Peak learning rate.")
    temperature: float = Field(default=1.0, gt=0, description="Temperature with which answers are sampled.")
    answer_tokens: int = Field(
        default=128, ge=1, description="Largest number of tokens of a sampled answer. A longer answer is wrong."
    )
    shares: dict[str, float] = Field(
        default={},
        description="Share of the conversations of each query type to use. A type that you do not name is left out. {} "
        "selects all conversations.",
    )

    _known_types = field_validator("shares")(checked_shares)


class DpoOptions(OwnAnswerOptions):
    """Options of `toolmark train dpo`."""

    samples: int = Field(default=4, ge=1, description="Sampled answers to each question.")
    questions: int = Field(default=1000, ge=1, description="Highest number of questions that are asked.")
    pairs: int = Field(
        default=2, ge=1, description="Highest number of pairs of each question. Pairs with other causes come first."
    )
    weights: dict[str, float] = Field(
        default={},
        description="How often a pair is read in each epoch, by the cause of its wrong answer, for example over_call "
        "or no_call. Causes that you do not name have the weight 1.",
    )
    beta: float = Field(default=0.1, gt=0, description="Strength with which the model is held at its start.")
    gold_weight: float = Field(
        default=0.0, ge=0, description="Weight of an additional loss: the usual loss of the right answers."
    )
    epochs: float = Field(default=1.0, gt=0, description="How often the pairs are read.")
    batch: int = Field(default=8, ge=1, description="Pairs per optimizer step.")

    @field_validator("weights")
    @classmethod
    def _known_causes(cls, weights: dict[str, float]) -> dict[str, float]:
        causes = [result for result in DEFAULT_REWARDS if result not in RIGHT]
        check_names(weights, causes, "a cause of failure", "causes")
        if negative := sorted(name for name, weight in weights.items() if weight < 0):
            raise ValueError(f"the weight of {', '.join(negative)} is below 0")
        return weights


class GrpoOptions(OwnAnswerOptions):
    """Options of `toolmark train grpo`."""

    samples: int = Field(default=8, ge=2, description="Sampled answers to each question.")
    batch: int = Field(default=4, ge=1, description="Questions per optimizer step.")
    steps: int = Field(default=200, ge=1, description="Optimizer steps.")
    beta: float = Field(
        default=0.04, ge=0, description="Weight of the KL divergence between the model and its start. 0 turns it off."
    )
    rewards: dict[str, float] = Field(
        default={},
        description="Reward of an answer by its result: call or abstain if it is right, or else the cause of failure. "
        "What you name replaces the default of this result.",
    )

    @field_validator("rewards")
    @classmethod
    def _known_results(cls, rewards: dict[str, float]) -> dict[str, float]:
        check_names(rewards, list(DEFAULT_REWARDS), "a result of an answer", "results")
        return rewards

    def reward(self, result: str) -> float:
        """Return the reward of an answer with this result."""
        return self.rewards.get(result, DEFAULT_REWARDS[result])
