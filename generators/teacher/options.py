"""What `toolmark generate teacher` can be told."""

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
        default="", description="Model of every role without one of its own, as Inspect names it: openai/gpt-4.1."
    )
    writer: str = Field(default="", description="Model that writes the questions.")
    caller: str = Field(default="", description="Model that makes the calls.")
    answerer: str = Field(default="", description="Model that says the answers.")
    queries: int = Field(default=5, ge=0, le=10_000, description="Questions per tool and type (easy and hard).")
    no_tool: int = Field(default=20, ge=0, le=100_000, description="Questions that need no tool.")
    batch: int = Field(default=5, ge=1, le=50, description="Questions that the writer is asked for at once.")
    min_distractors: int = Field(default=1, ge=0, le=39, description="Fewest tools offered beside the right one.")
    max_distractors: int = Field(default=20, ge=0, le=39, description="Most tools offered beside the right one.")
    temperature: float = Field(default=0.8, ge=0, le=2, description="Of the writer; the others are greedy.")
    max_tokens: int = Field(default=1024, ge=16, description="Tokens after which a reply is cut.")
    prompts: Path | None = Field(default=None, description="Folder with prompts in place of the shipped ones.")
    max_connections: int = Field(default=10, ge=1, le=1000, description="Most requests at once; fewer after a 429.")
    timeout: float = Field(default=120, gt=0, description="Seconds after which a request is given up and tried again.")
    retries: int = Field(default=8, ge=0, le=100, description="How often a request that failed is tried again.")
    max_requests: int | None = Field(default=None, ge=1, description="Stop after so many requests.")
    max_cost: float | None = Field(default=None, gt=0, description="Stop before the cost passes this many dollars.")
    input_price: float | None = Field(default=None, ge=0, description="Dollars per million input tokens.")
    output_price: float | None = Field(default=None, ge=0, description="Dollars per million output tokens.")
    dry_run: bool = Field(default=False, description="Print requests, tokens and cost, and ask nothing.")

    @model_validator(mode="after")
    def _complete(self) -> TeacherOptions:
        if self.min_distractors > self.max_distractors:
            raise ValueError(f"min_distractors {self.min_distractors} is above max_distractors {self.max_distractors}")
        if missing := [role for role in ROLES if not self.model_of(role)]:
            raise ValueError(f"no model for the {' and the '.join(missing)}: name one with --model")
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("a price needs both --input-price and --output-price")
        return self

    def model_of(self, role: Role) -> str:
        """The model of `role`."""
        return str(getattr(self, role) or self.model)

    def lasting(self) -> dict[str, object]:
        """The options that shape the dataset, without limits and connections."""
        passing = ("max_connections", "timeout", "retries", "max_requests", "max_cost", "dry_run", "prompts")
        return self.model_dump(mode="json", exclude_none=True, exclude=set(passing))
