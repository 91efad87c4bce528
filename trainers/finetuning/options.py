"""The options of `toolmark train lora`, and the options of the optimization, which other trainers have too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from toolmark.benchmark.data.traces import QueryType
from toolmark.trainers.finetuning.example_order import ExampleOrder

__all__ = ["LoraOptions", "OptimizationOptions", "check_names", "checked_shares"]


def check_names(given: Iterable[str], known: Sequence[str], kind: str, kinds: str) -> None:
    """Check that every given name is known.

    Raises:
        ValueError: A name is not known.
    """
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(f"{', '.join(unknown)} is not {kind}. The {kinds} are: {', '.join(known)}")


def checked_shares(shares: dict[str, float]) -> dict[str, float]:
    """Return `shares`, a share for each query type.

    Raises:
        ValueError: A name is not a query type, or a share is not between 0 and 1.
    """
    check_names(shares, get_args(QueryType), "a query type", "types")
    if wrong := [f"{name} {share:g}" for name, share in shares.items() if not 0 <= share <= 1]:
        raise ValueError(f"a share must be between 0 and 1, but is {', '.join(wrong)}")
    return shares


class OptimizationOptions(BaseModel):
    """Options that say how the weights are changed, and how often a checkpoint is judged."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    lr: float = Field(default=2e-4, gt=0, description="Peak learning rate.")
    beta2: float = Field(
        default=0.999, gt=0, lt=1, description="beta2 of AdamW. A training of few steps needs a smaller value."
    )
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        default="linear", description="Learning rate schedule after the warm-up."
    )
    warmup: float = Field(default=0.03, ge=0, lt=1, description="Share of the steps that the warm-up takes.")
    grad_norm: float = Field(default=0.3, gt=0, description="Gradients are clipped to this norm.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="Precision of the products. auto measures both precisions and chooses the faster one.",
    )
    threads: int | None = Field(
        default=None, ge=1, description="Number of threads of torch. Default: a short measurement decides."
    )
    score_every: int = Field(
        default=50, ge=1, description="Steps between checkpoints. Each checkpoint is judged on the dev cases."
    )
    choose: str = Field(
        default="mean",
        description="The checkpoint that is best in this metric is kept. mean: the primary metrics without guards.",
    )
    pass_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Approximate limit for the tokens of one forward pass. A lower limit needs less memory. Default: "
        "what fits into a third of the memory of this machine.",
    )


class LoraOptions(OptimizationOptions):
    """Options of `toolmark train lora`. The defaults are the options of the best-known tutorial."""

    r: int = Field(default=16, ge=1, description="Rank of the adapter.")
    alpha: int = Field(default=32, ge=1, description="The adapter's output is scaled by alpha / r.")
    dropout: float = Field(default=0.05, ge=0, lt=1, description="Dropout on the input of the adapter.")
    target: str = Field(
        default="all-linear", description="Layers that get an adapter: all-linear, or names of layers with commas."
    )
    full: bool = Field(default=False, description="Train all weights instead of an adapter.")
    qlora: bool = Field(default=False, description="Load the base in 4 bits. This needs CUDA and bitsandbytes.")
    lr_ratio: float = Field(
        default=1.0,
        gt=0,
        description="Learning rate of the B matrices divided by that of the A matrices. A value other than 1 is LoRA+.",
    )
    epochs: float = Field(
        default=3.0, gt=0, description="How often the data is read. With 1.5, half of the data is read a second time."
    )
    batch: int = Field(default=1, ge=1, description="Conversations per batch.")
    accumulation: int = Field(
        default=8, ge=1, description="Batches per optimizer step. Only batch × accumulation influences the result."
    )
    shares: dict[str, float] = Field(
        default={"easy": 1.0, "no_tool": 0.2},
        description="Share of the conversations of each query type to train on. A type that you do not name is left "
        "out. {} selects all conversations.",
    )
    decision_weight: float = Field(
        default=1.0,
        gt=0,
        description="Loss weight of the tokens that decide between a call and an answer, and of the tool's name.",
    )
    order: ExampleOrder = Field(
        default="prefix",
        description="Which conversations follow each other: those that begin alike (prefix), those of similar length "
        "(length), or any (random).",
    )
    together: int = Field(
        default=16,
        ge=1,
        description="Highest number of conversations that follow each other because of their prefix or length.",
    )

    _known = field_validator("shares")(checked_shares)
