"""`TemplateGenerator`: the plug-in, with its options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from toolmark.benchmark.tools.catalog import catalog
from toolmark.generators.template.default import SHARES, default_traces
from toolmark.generators.template.default.conversations import ConversationMaker
from toolmark.generators.template.default.phrasings import phrasings, question_patterns
from toolmark.generators.template.default.question_makers import askable
from toolmark.generators.template.default.shared_toolboxes import shared_toolboxes
from toolmark.generators.template.pocket import pocket_traces
from toolmark.generators.template.schema.intents import content_words, name_words
from toolmark.generators.template.smalltalk import small_talk_patterns

if TYPE_CHECKING:
    from toolmark.benchmark.data.cases import Tool, Toolbox
    from toolmark.benchmark.data.traces import QueryType, Trace
    from toolmark.benchmark.plugins.protocols import Generation

__all__ = ["TemplateGenerator", "TemplateOptions"]


class TemplateOptions(BaseModel):
    """What `toolmark generate template` can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mix: Literal["default", "pocket"] = Field(
        default="default",
        description="default: executed calls over a toolbox. pocket: the training mix of the embedded model.",
    )
    count: int = Field(default=1000, ge=1, description="How many conversations are proposed.")
    min_distractors: int = Field(default=1, ge=0, le=39, description="Fewest tools offered beside the right one.")
    max_distractors: int = Field(default=20, ge=0, le=39, description="Most tools offered beside the right one.")
    borrow: Literal["catalog"] | None = Field(
        default=None, description="Where to take distractors from when the toolbox has too few of its own."
    )
    toolboxes: int | None = Field(
        default=None, ge=1, le=1000, description="Lists of tools that the conversations share, by name, where they can."
    )
    shares: dict[str, float] = Field(
        default=cast("dict[str, float]", SHARES),
        description="How conversations are spread over query types; proportions count, a type not named is left out.",
    )
    answered: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of calls that their result and an answer follow; the other conversations end with the call.",
    )
    typos: float = Field(default=0.1, ge=0, le=1, description="Share of questions with a slip of the finger.")
    casual: float = Field(default=0.2, ge=0, le=1, description="Share of questions in chat style.")

    @field_validator("shares")
    @classmethod
    def _known(cls, shares: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(shares.keys() - SHARES.keys()):
            raise ValueError(f"no query type is named {', '.join(unknown)}; known: {', '.join(SHARES)}")
        if min(shares.values(), default=0) < 0 or not sum(shares.values()):
            raise ValueError("a share is at least 0, and one is above it")
        return shares

    @model_validator(mode="after")
    def _ordered(self) -> TemplateOptions:
        if self.min_distractors > self.max_distractors:
            raise ValueError(f"min_distractors {self.min_distractors} is above max_distractors {self.max_distractors}")
        return self


class TemplateGenerator:
    """Conversations from word lists and phrasings: offline, seeded, the same everywhere."""

    name = "template"
    Options: type[BaseModel] = TemplateOptions

    def patterns(self) -> Iterator[str]:
        """What users say in the mix `default`; the mix `pocket` asks for tools that it makes up."""
        yield from question_patterns()
        yield from small_talk_patterns()

    def propose(self, toolbox: Toolbox, options: TemplateOptions, ctx: Generation) -> Iterator[Trace]:
        """The traces of the mix; `pocket` makes its own tools and does not look at `toolbox`."""
        if options.mix == "pocket":
            return pocket_traces(ctx.seed, options.count)
        asked, refused = askable(toolbox)
        for name, reason in refused.items():
            ctx.note(f"{name} is offered and never asked for: no valid arguments can be drawn ({reason})")
        distractors = options.min_distractors, options.max_distractors
        maker = ConversationMaker(
            toolbox,
            asked,
            ctx.execute,
            distractors,
            options.typos,
            options.casual,
            options.answered,
            _borrowed(toolbox) if options.borrow else (),
            shared_toolboxes(toolbox, list(asked), distractors, options.toolboxes or 0, ctx.seed),
        )
        return default_traces(maker, ctx.seed, options.count, cast("dict[QueryType, float]", options.shares))


def _borrowed(toolbox: Toolbox) -> tuple[Tool, ...]:
    """Tools of the catalog that are not held out, and that do nothing which a tool of `toolbox` does."""
    taken = frozenset[str]().union(*(content_words(" ".join(name_words(name))) for name in toolbox.names))
    free = (tool for tool in catalog().tools if tool.name in phrasings() and tool.name not in toolbox.names)
    return tuple(tool for tool in free if not content_words(" ".join(name_words(tool.name))) & taken)
