"""What a model is asked, and what would be right.

A *case* is a conversation so far, a toolbox, and an expectation: *call* (which calls, with which argument values) or
*abstain* (and why). These are the resolved, checked objects; `readers/` makes them from files.

A case's `id` hashes what the model sees and nothing else, so that correcting its gold never orphans a completion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from toolmark.benchmark.core.hashing import digest

__all__ = [
    "Abstain",
    "Accept",
    "Call",
    "CallOption",
    "CallSpec",
    "Case",
    "Effects",
    "ExpectCall",
    "Expectation",
    "Message",
    "Source",
    "Tool",
    "Toolbox",
    "query_hash",
]

Effects = Literal["pure", "read", "write"]
"""What running a tool may touch: nothing, the world's state to look at, or the world's state to change."""


class Frozen(BaseModel):
    """Base of every contract object: immutable, and an unknown field is an error, not a silent loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values; hashes that were computed of the old ones do not go with it."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


def query_hash(query: str) -> str:
    """Hash by which leakage is told: case and white-space of a query do not count."""
    return digest(" ".join(query.casefold().split()))


class Call(Frozen):
    """One tool call: the tool's name and its arguments by name."""

    name: str
    arguments: Mapping[str, Any] = Field(default_factory=dict)


class Message(Frozen):
    """One turn of a conversation. `name` and `tool_call_id` belong to turns with the role `tool`."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    tool_calls: tuple[Call, ...] = ()
    name: str | None = None
    tool_call_id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_openai(cls, value: Any) -> Any:
        """Accept OpenAI chat turns: `{"type": "function", "function": {...}}` calls and a null content."""
        if not isinstance(value, Mapping):
            return value
        fields = dict(value)
        if fields.get("content") is None:
            fields["content"] = ""
        calls = fields.get("tool_calls")
        if calls is None:
            fields.pop("tool_calls", None)
        elif isinstance(calls, list | tuple):
            fields["tool_calls"] = [
                call["function"] if isinstance(call, Mapping) and "function" in call else call for call in calls
            ]
        return fields

    def as_openai(self) -> dict[str, Any]:
        """This turn in OpenAI chat form, arguments as objects."""
        turn: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.tool_calls:
            turn["tool_calls"] = [
                {"type": "function", "function": {"name": call.name, "arguments": dict(call.arguments)}}
                for call in self.tool_calls
            ]
        if self.name is not None:
            turn["name"] = self.name
        if self.tool_call_id is not None:
            turn["tool_call_id"] = self.tool_call_id
        return turn


class Tool(Frozen):
    """Name, description and JSON Schema of the arguments; perhaps an implementation, with its effects.

    `run` names the implementation as `package.module:function` or `path/to/file.py:function`. It is a name and not a
    callable, because only a sandboxed worker ever imports it.
    """

    name: str = Field(min_length=1)
    description: str = ""
    parameters: dict[str, JsonValue] = {"type": "object", "properties": {}}
    run: str | None = None
    effects: Effects = "write"

    def shown(self) -> dict[str, Any]:
        """What a model may see of this tool: neither its implementation nor its effects."""
        return {"name": self.name, "description": self.description, "parameters": self.parameters}

    def as_openai(self) -> dict[str, Any]:
        """This tool in OpenAI's form, in which chat templates and servers take it."""
        return {"type": "function", "function": self.shown()}

    @cached_property
    def schema_hash(self) -> str:
        """Identity of the tool as a model sees it: tells seen tools from unseen ones."""
        return digest(self.shown())


class Toolbox(Frozen):
    """A named, ordered list of tools that are offered together."""

    name: str
    tools: tuple[Tool, ...]

    def __getitem__(self, name: str) -> Tool:
        return self.by_name[name]

    @cached_property
    def by_name(self) -> Mapping[str, Tool]:
        """The tools by their names; of two alike the first."""
        return {tool.name: tool for tool in reversed(self.tools)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the tools, in the order offered."""
        return tuple(tool.name for tool in self.tools)


Match = Literal[
    "exact", "casefold", "bfcl", "set", "number", "date", "contains", "nonempty", "same_result", "object", "list"
]


class Accept(Frozen):
    """Which values of one argument are right; `scoring/matching.py` gives each rule its meaning.

    In a file a plain list `[v, …]` is short for `{"match": "exact", "of": [v, …]}`. `of` holds accepted values, except
    that `object` holds `{key: ACCEPT}` and `list` one ACCEPT an element. `optional` (of `object` only) names the keys
    that may be absent; `tolerance` (of `number` only) is absolute.
    """

    match: Match = "exact"
    of: Any = None
    optional: tuple[str, ...] = ()
    tolerance: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _nested(self) -> Accept:
        match self.match:
            case "object":
                if not isinstance(self.of, Mapping):
                    raise ValueError('"match": "object" needs "of": {key: ACCEPT}')
                nested: Any = {key: as_accept(value) for key, value in self.of.items()}
            case "list":
                if not isinstance(self.of, Sequence) or isinstance(self.of, str):
                    raise ValueError('"match": "list" needs "of": [ACCEPT, …]')
                nested = tuple(as_accept(value) for value in self.of)
            case "nonempty":
                if self.of is not None:
                    raise ValueError('"match": "nonempty" takes no "of"')
                nested = None
            case _:
                if not isinstance(self.of, list | tuple) or not self.of:
                    raise ValueError(f'"match": "{self.match}" needs "of": [value, …], at least one')
                nested = tuple(self.of)
                if fault := _unfit(self.match, nested):
                    raise ValueError(f'"match": "{self.match}" {fault}')
        if self.tolerance is not None and self.match != "number":
            raise ValueError(f'"tolerance" belongs to "match": "number", not to "{self.match}"')
        if self.optional and (self.match != "object" or not set(self.optional) <= nested.keys()):
            raise ValueError(f'"optional" names keys of an "object" rule\'s "of", not {list(self.optional)}')
        object.__setattr__(self, "of", nested)
        return self

    def example(self) -> Any:
        """One right value: the first accepted one."""
        match self.match:
            case "contains":
                return " ".join(self.of)
            case "nonempty":
                return "text"
            case "object":
                return {key: inner.example() for key, inner in self.of.items()}
            case "list":
                return [inner.example() for inner in self.of]
            case _:
                return self.of[0]


def _unfit(match: Match, values: Sequence[Any]) -> str | None:
    """Why no argument could ever be right by one of `values`, which the judge would not notice."""
    match match:
        case "contains" if not all(isinstance(value, str) and value.strip() for value in values):
            return "needs strings that are not blank"
        case "casefold" if not all(isinstance(value, str) for value in values):
            return "needs strings"
        case "number" if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            return "needs numbers"
        case "set" if not all(isinstance(value, list | tuple) for value in values):
            return "needs a list for each accepted value: [[element, …], …]"
        case "date":
            try:
                for value in values:
                    datetime.fromisoformat(value)
            except (TypeError, ValueError):
                return "needs ISO 8601 dates"
    return None


def as_accept(value: Any) -> Any:
    """Expand the list shorthand; every other value goes to validation unchanged."""
    if isinstance(value, list | tuple):
        return Accept(match="exact", of=list(value))
    if isinstance(value, Mapping):
        return Accept.model_validate(value)
    if isinstance(value, Accept):
        return value
    raise ValueError(f"an accepted value is a list or an object with a match rule, not {value!r}")


class CallSpec(Frozen):
    """One expected call: arguments by name, and those of them that may be left out.

    Collections that only label the tool do not know the right arguments: whether such a call fits its schema can still
    be judged, whether it is wholly right cannot.
    """

    name: str
    arguments: dict[str, Annotated[Accept, BeforeValidator(as_accept)]] = Field(default_factory=dict)
    optional: tuple[str, ...] = ()
    arguments_known: bool = True

    @model_validator(mode="after")
    def _optional_ones_are_there(self) -> CallSpec:
        if self.arguments and not self.arguments_known:
            raise ValueError(f'"arguments" lists {sorted(self.arguments)}, although "arguments_known" is false')
        if unknown := set(self.optional) - self.arguments.keys():
            raise ValueError(f'"optional" names {sorted(unknown)}, which "arguments" does not accept')
        return self


class CallOption(Frozen):
    """One complete right answer: all of its calls, in any order or in the given one."""

    calls: tuple[CallSpec, ...] = Field(min_length=1)
    order: Literal["any", "given"] = "any"
    names: Literal["exact", "dot_underscore"] = "exact"


class ExpectCall(Frozen):
    """The right thing is to call; each option of `any_of` is right."""

    action: Literal["call"]
    any_of: tuple[CallOption, ...] = Field(min_length=1)

    @cached_property
    def tool(self) -> str | None:
        """The one tool that is called in every option; None where there are several."""
        tools = {spec.name for option in self.any_of for spec in option.calls}
        return next(iter(tools)) if len(tools) == 1 else None

    @cached_property
    def arguments_known(self) -> bool:
        """Whether the right arguments of all calls are known."""
        return all(spec.arguments_known for option in self.any_of for spec in option.calls)

    @cached_property
    def names(self) -> Literal["exact", "dot_underscore"]:
        """How the names of tools may be spelt: as the most generous option has it."""
        return "dot_underscore" if any(option.names == "dot_underscore" for option in self.any_of) else "exact"


class Abstain(Frozen):
    """The right thing is not to call, and why. `tool` and `missing` say what a missing argument belongs to."""

    action: Literal["abstain"]
    reason: Literal["no_tool_needed", "no_tool_fits", "missing_argument", "already_answered"]
    tool: str | None = None
    missing: str | None = None


Expectation = Annotated[ExpectCall | Abstain, Field(discriminator="action")]


class Source(Frozen):
    """Where a case comes from: the collection, and the reference inside it."""

    name: str
    ref: str


class Case(Frozen):
    """One question to a model, with its resolved toolbox and its gold."""

    messages: tuple[Message, ...] = Field(min_length=1)
    toolbox: Toolbox
    expect: Expectation
    split: Literal["dev", "test"] = "test"
    group: str = ""
    tags: dict[str, JsonValue] = Field(default_factory=dict)
    source: Source
    licence: str
    waiver: str | None = None
    seen_unknown: bool = Field(default=False, description="What the model saw is not known: `id` hashes `source`.")

    @model_validator(mode="after")
    def _ends_with_a_question(self) -> Case:
        if self.messages[-1].role not in ("user", "tool"):
            raise ValueError(f"the last message is the {self.messages[-1].role}'s; a case ends with user or tool")
        return self

    @cached_property
    def id(self) -> str:
        """Hash of what the model sees: messages and resolved tools (or of `source`, where that is not known)."""
        if self.seen_unknown:
            return digest(self.source.model_dump())
        return digest(
            {
                "messages": [message.as_openai() for message in self.messages],
                "tools": [tool.shown() for tool in self.toolbox.tools],
            }
        )

    @cached_property
    def gold_hash(self) -> str:
        """Hash of what is judged but not seen: expectation, tags and waiver."""
        return digest({"expect": self.expect.model_dump(mode="json"), "tags": self.tags, "waiver": self.waiver})

    @property
    def cluster(self) -> str:
        """The unit of statistics: the paraphrase family, or the case itself."""
        return self.group or self.id
