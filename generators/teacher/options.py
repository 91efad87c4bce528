"""The options of `toolmark generate teacher`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["ROLES", "Role", "TeacherOptions"]

Role = Literal["writer", "caller", "answerer"]
ROLES: tuple[Role, ...] = ("writer", "caller", "answerer")


class TeacherOptions(BaseModel):
    """Models, amounts and limits of a teacher generation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        default="",
        description="Model for each role that gets no other model, for example openai/gpt-4.1.",
    )
    writer: str = Field(default="", description="Model that writes the questions.")
    caller: str = Field(default="", description="Model that makes the calls.")
    answerer: str = Field(default="", description="Model that writes the answers.")
    queries: int = Field(default=5, ge=0, le=10_000, description="Questions for each tool and type (easy and hard).")
    no_tool: int = Field(default=20, ge=0, le=100_000, description="Questions that need no tool.")
    batch: int = Field(default=5, ge=1, le=50, description="Questions that the writer writes in one request.")
    min_distractors: int = Field(
        default=1, ge=0, description="Lowest number of tools that are offered in addition to the right tool."
    )
    max_distractors: int = Field(
        default=20, ge=0, description="Highest number of tools that are offered in addition to the right tool."
    )
    temperature: float = Field(
        default=0.8, ge=0, le=2, description="Temperature of the writer. The other roles have the temperature 0."
    )
    max_tokens: int = Field(default=1024, ge=16, description="Highest number of tokens in one reply.")
    prompts: Path | None = Field(
        default=None, description="Folder with prompts that replace the shipped prompts of the same names."
    )
    max_connections: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="Highest number of requests at the same time. The number is lowered after a reply 429.",
    )
    timeout: float = Field(
        default=120, gt=0, description="Seconds after which a request without a reply is sent again."
    )
    retries: int = Field(default=8, ge=0, le=100, description="How often a failed request is sent again.")
    max_requests: int | None = Field(default=None, ge=1, description="Stop after this number of requests.")
    max_cost: float | None = Field(
        default=None, gt=0, description="Stop before the cost is above this number of dollars."
    )
    input_price: float | None = Field(default=None, ge=0, description="Price in dollars per million input tokens.")
    output_price: float | None = Field(default=None, ge=0, description="Price in dollars per million output tokens.")
    dry_run: bool = Field(default=False, description="Print the expected requests, tokens and cost. Send no request.")

    @model_validator(mode="after")
    def _complete(self) -> TeacherOptions:
        if self.min_distractors > self.max_distractors:
            raise ValueError(
                f"min_distractors {self.min_distractors} is above max_distractors {self.max_distractors}; "
                "lower min_distractors"
            )
        if missing := [role for role in ROLES if not self.model_of(role)]:
            raise ValueError(f"no model for the {' and the '.join(missing)}; give a model with --model")
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("only one of --input-price and --output-price is given; give both prices")
        return self

    def model_of(self, role: Role) -> str:
        """Return the name of the role's model."""
        return str(getattr(self, role) or self.model)

    def lasting(self) -> dict[str, object]:
        """Return the options that influence the dataset. Limits and options of the connection are left out."""
        passing = ("max_connections", "timeout", "retries", "max_requests", "max_cost", "dry_run", "prompts")
        return self.model_dump(mode="json", exclude_none=True, exclude=set(passing))
