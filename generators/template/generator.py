"""`TemplateGenerator`: the plug-in, with its options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from toolmark.benchmark.data.held_out import held_out, shipped_manifest
from toolmark.benchmark.plugins.protocols import BaseGenerator
from toolmark.benchmark.tools.catalog import catalog
from toolmark.generators.template.default import SHARES, default_traces
from toolmark.generators.template.default.conversations import ConversationMaker
from toolmark.generators.template.default.offered_toolboxes import OfferedToolboxes, shared_toolboxes
from toolmark.generators.template.default.phrasings import question_patterns
from toolmark.generators.template.default.question_makers import question_makers
from toolmark.generators.template.pocket import pocket_traces
from toolmark.generators.template.schema.intents import content_words, name_words
from toolmark.generators.template.smalltalk import small_talk_patterns
from toolmark.generators.template.worlds import Style, world_traces

if TYPE_CHECKING:
    from toolmark.benchmark.data.cases import Tool, Toolbox
    from toolmark.benchmark.data.traces import QueryType, Trace
    from toolmark.benchmark.plugins.protocols import Generation

__all__ = ["TemplateGenerator", "TemplateOptions"]


class TemplateOptions(BaseModel):
    """The options of `toolmark generate template`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mix: Literal["default", "pocket", "worlds"] = Field(
        default="default",
        description="default: conversations for your tools. worlds: conversations of several turns in the shipped "
        "worlds. pocket: the training data of the embedded model.",
    )
    count: int = Field(default=1000, ge=1, description="Number of conversations to propose.")
    min_distractors: int = Field(
        default=1, ge=0, description="Lowest number of tools that are offered in addition to the right tool."
    )
    max_distractors: int = Field(
        default=20, ge=0, description="Highest number of tools that are offered in addition to the right tool."
    )
    borrow: Literal["catalog"] | None = Field(
        default=None, description="If your toolbox has too few tools, also offer tools of the catalog."
    )
    toolboxes: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="All conversations together offer only this number of different lists of tools.",
    )
    shares: dict[str, float] = Field(
        default=cast("dict[str, float]", SHARES),
        description="Share of each query type. Only the ratios matter. A type that you leave out has the share 0.",
    )
    answered: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of calls after which a result and an answer follow. Other conversations end with the call.",
    )
    typos: float = Field(default=0.1, ge=0, le=1, description="Share of questions with a typing error.")
    casual: float = Field(default=0.2, ge=0, le=1, description="Share of questions in chat style.")

    @field_validator("shares")
    @classmethod
    def _known(cls, shares: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(shares.keys() - SHARES.keys()):
            raise ValueError(f"no query type has the name {', '.join(unknown)}; the types are {', '.join(SHARES)}")
        if min(shares.values(), default=0) < 0 or not sum(shares.values()):
            raise ValueError("every share must be at least 0, and one share must be above 0")
        return shares

    @model_validator(mode="after")
    def _ordered(self) -> TemplateOptions:
        if self.min_distractors > self.max_distractors:
            raise ValueError(
                f"min_distractors {self.min_distractors} is above max_distractors {self.max_distractors}; "
                "lower min_distractors"
            )
        return self


class TemplateGenerator(BaseGenerator):
    """Conversations from word lists and phrasings. No network is needed, and the same seed gives the same result."""

    name = "template"
    Options: type[BaseModel] = TemplateOptions

    def patterns(self) -> Iterator[str]:
        """Return the questions of the mix `default`, with slots in braces. The mix `pocket` has no fixed questions."""
        yield from question_patterns()
        yield from small_talk_patterns()

    def propose(self, toolbox: Toolbox, options: TemplateOptions, ctx: Generation) -> Iterator[Trace]:
        """Yield the traces of the mix. Only `default` uses `toolbox`. The other mixes have tools of their own."""
        if options.mix == "pocket":
            return pocket_traces(ctx.seed, options.count)
        if options.mix == "worlds":
            return world_traces(ctx.seed, options.count, Style(options.typos, options.casual))
        makers, refused = question_makers(toolbox)
        for name, reason in refused.items():
            ctx.note(f"{name} is offered, but no question needs {name}, because no arguments can be made: {reason}")
        distractors = options.min_distractors, options.max_distractors
        offered = OfferedToolboxes(
            toolbox,
            distractors,
            borrowed=_borrowed(toolbox) if options.borrow else (),
            shared=shared_toolboxes(toolbox, list(makers), distractors, options.toolboxes or 0, ctx.seed),
        )
        maker = ConversationMaker(makers, ctx.execute, offered, options.typos, options.casual, options.answered)
        return default_traces(maker, ctx.seed, options.count, cast("dict[QueryType, float]", options.shares))


def _borrowed(toolbox: Toolbox) -> tuple[Tool, ...]:
    """Return the tools of the catalog that can be offered in addition to the tools of `toolbox`.

    Held-out tools are left out. A tool is also left out if its name shares a word with the name of a tool of `toolbox`.
    """
    kept_out = held_out(shipped_manifest()).tools
    taken = frozenset[str]().union(*(content_words(" ".join(name_words(name))) for name in toolbox.names))
    free = (tool for tool in catalog().tools if tool.name not in kept_out and tool.name not in toolbox.names)
    return tuple(tool for tool in free if not content_words(" ".join(name_words(tool.name))) & taken)
