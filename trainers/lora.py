"""Trainer `lora`: an adapter (or, with `--full`, all weights) on TRL's SFT trainer and PEFT.

The defaults are the well-known tutorial's recipe; `recipes/` holds others. What is its own: the loss is taken on what
the model writes and nothing else, shared prefixes are computed once, and the checkpoint that is kept is chosen by the
suites' metrics on dev cases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.data.traces import QueryType
from toolmark.benchmark.plugins.protocols import Trained, Training
from toolmark.trainers.finetuning.example_order import Order

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LoraOptions", "LoraTrainer"]


class LoraOptions(BaseModel):
    """Options of `toolmark train lora`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    r: int = Field(default=16, ge=1, description="Rank of the adapter.")
    alpha: int = Field(default=32, ge=1, description="Its scale is alpha / r.")
    dropout: float = Field(default=0.05, ge=0, lt=1, description="Dropout before the adapter.")
    target: str = Field(default="all-linear", description="Layers that get one: all-linear, or names with commas.")
    full: bool = Field(default=False, description="Train all weights instead of an adapter.")
    qlora: bool = Field(default=False, description="Keep the base in 4 bits; needs CUDA and bitsandbytes.")
    lr: float = Field(default=2e-4, gt=0, description="Peak learning rate.")
    lr_ratio: float = Field(
        default=1.0,
        gt=0,
        description="Learning rate of an adapter's second matrices (B) over that of its first (A); above 1: LoRA+.",
    )
    beta2: float = Field(default=0.999, gt=0, lt=1, description="Decay of AdamW's second moment; less for few steps.")
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        default="linear", description="How the learning rate goes on after the warm-up."
    )
    warmup: float = Field(default=0.03, ge=0, lt=1, description="Share of the steps in which it rises.")
    epochs: float = Field(default=3.0, gt=0, description="How often the data is read; the last time perhaps in part.")
    batch: int = Field(default=1, ge=1, description="Conversations of a forward pass in the recipe's own terms.")
    accumulation: int = Field(
        default=8, ge=1, description="Batches of an optimizer step; only batch × accumulation counts."
    )
    grad_norm: float = Field(default=0.3, gt=0, description="Gradients are cut to this norm.")
    mix: dict[str, float] = Field(
        default={"easy": 1.0, "no_tool": 0.2},
        description="Share of each query type that is trained on; a type not named is left out, {} takes all.",
    )
    decision_weight: float = Field(
        default=1.0,
        gt=0,
        description="Loss weight of the tokens by which a reply decides: to call or to answer, and which tool.",
    )
    order: Order = Field(
        default="prefix", description="Which conversations stand together: of one prefix, of one length, random."
    )
    together: int = Field(default=16, ge=1, description="Most conversations of one prefix, or length, in a row.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="auto measures both on the first batch and takes bfloat16 where it is clearly faster.",
    )
    threads: int | None = Field(default=None, ge=1, description="Threads of torch; measured where it is not given.")
    score_every: int = Field(default=50, ge=1, description="Steps between checkpoints, each judged on dev.")
    choose: str = Field(default="mean", description="Metric that chooses the checkpoint, or mean: of the primary ones.")
    pass_tokens: int = Field(default=32_768, ge=1, description="Tokens of a forward pass, about: bounds the memory.")

    @field_validator("mix")
    @classmethod
    def _known(cls, mix: dict[str, float]) -> dict[str, float]:
        known = get_args(QueryType)
        if unknown := sorted(mix.keys() - set(known)):
            raise ValueError(f"no query type is named {', '.join(unknown)}; known: {', '.join(known)}")
        return mix


class LoraTrainer:
    """Trains a LoRA adapter on a base model."""

    name = "lora"
    Options: type[BaseModel] = LoraOptions

    def train(
        self,
        base: Candidate | None,
        data: TraceDataset,  # noqa: ARG002 - its examples come encoded
        out: Path,
        options: LoraOptions,
        ctx: Training,
    ) -> Trained:
        """Write an adapter directory (a model directory with `--full`) to `out`.

        Raises:
            InputError: An option does not fit the machine or the data, or the loss is no number any more.
            EnvironmentFault: The disk is full, or a package is missing.
        """
        from toolmark.trainers.finetuning.finetune import finetune  # torch, transformers, peft and trl

        return finetune(base, out, options, ctx)
