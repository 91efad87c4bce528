"""Cases. A case contains a question to a model, and the right answer.

A *case* consists of a conversation, a toolbox and an expectation. There are two kinds of expectations. *call* contains
the right calls with their argument values. *abstain* contains the reason why no call is right. The classes in this
module represent resolved and checked cases. `readers/` makes cases from files.

A case's `id` is a hash of only the parts that the model sees. So a completion still belongs to its case after a
correction of the expected answer.
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
"""The effects of a tool outside its function: none (`pure`), reading state (`read`) or changing state (`write`)."""


class Frozen(BaseModel):
    """Base class of the data objects. They are immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values, without the cached hashes of the old values."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


def query_hash(query: str) -> str:
    """The hash of a query, for finding leaked queries. Upper and lower case and white-space do not change the hash."""
    return digest(" ".join(query.casefold().split()))


class Call(Frozen):
    """One tool call, with the tool's name and the arguments by name."""

    name: str
    arguments: Mapping[str, Any] = Field(default_factory=dict)


class Message(Frozen):
    """One turn of a conversation. Only turns with the role `tool` have a `name` and a `tool_call_id`."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    tool_calls: tuple[Call, ...] = ()
    name: str | None = None
    tool_call_id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_openai(cls, value: Any) -> Any:
        """Accept OpenAI chat turns.

        Their calls are `{"type": "function", "function": {...}}`, and their content may be null.
        """
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
        """This turn in OpenAI chat form, with the arguments as objects."""
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
    """A tool with a name, a description and a JSON Schema of its arguments. It may have an implementation with effects.

    `run` is the name of the implementation, `package.module:function` or `path/to/file.py:function`. Only the sandbox's
    worker process imports the implementation.
    """

    name: str = Field(min_length=1)
    description: str = ""
    parameters: dict[str, JsonValue] = {"type": "object", "properties": {}}
    run: str | None = None
    effects: Effects = "write"

    def shown(self) -> dict[str, Any]:
        """The parts of this tool that a model sees: all parts except the implementation and effects."""
        return {"name": self.name, "description": self.description, "parameters": self.parameters}

    def as_openai(self) -> dict[str, Any]:
        """This tool in OpenAI's form, which chat templates and servers read."""
        return {"type": "function", "function": self.shown()}

    @cached_property
    def schema_hash(self) -> str:
        """The hash of the parts that a model sees. Training records use this hash to identify the tools of the data."""
        return digest(self.shown())


class Toolbox(Frozen):
    """A named, ordered list of tools that are offered together."""

    name: str
    tools: tuple[Tool, ...]

    def __getitem__(self, name: str) -> Tool:
        return self.by_name[name]

    @cached_property
    def by_name(self) -> Mapping[str, Tool]:
        """The tools by name. If two tools have the same name, the first tool is used."""
        return {tool.name: tool for tool in reversed(self.tools)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the tools, in the order in which they are offered."""
        return tuple(tool.name for tool in self.tools)


Match = Literal[
    "exact", "casefold", "bfcl", "set", "number", "date", "contains", "nonempty", "same_result", "object", "list"
]


class Accept(Frozen):
    """The right values of one argument. `scoring/accepted_values.py` implements the rules.

    In a file, a plain list `[v, …]` is a short form of `{"match": "exact", "of": [v, …]}`.

    Attributes:
        match: The rule.
        of: The accepted values. For `object`, a mapping of keys to rules. For `list`, one rule for each element.
        optional: Keys of an `object` that may be absent.
        tolerance: The largest absolute difference at which a `number` is accepted.
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
            raise ValueError(f'"optional" must name keys of "of" in an "object" rule, not {list(self.optional)}')
        object.__setattr__(self, "of", nested)
        return self

    def example(self) -> Any:
        """One right value: the first accepted value, or a value made from the rule."""
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
    """The reason why the accepted values do not fit the rule, so that no argument could match. None if they fit."""
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
    """The rule of an ACCEPT in a file. The short form, a list, becomes a rule.

    Raises:
        ValueError: The value is not an ACCEPT.
    """
    if isinstance(value, list | tuple):
        return Accept(match="exact", of=list(value))
    if isinstance(value, Mapping):
        return Accept.model_validate(value)
    if isinstance(value, Accept):
        return value
    raise ValueError(f"accepted values are a list, or an object with a match rule, not {value!r}")


class CallSpec(Frozen):
    """One expected call.

    Attributes:
        name: Name of the tool.
        arguments: The accepted values by argument name.
        optional: Arguments that may be left out.
        arguments_known: Whether the right arguments are known. False for data that only names the right tool. In this
            case a call is only checked against the tool's schema.
    """

    name: str
    arguments: dict[str, Annotated[Accept, BeforeValidator(as_accept)]] = Field(default_factory=dict)
    optional: tuple[str, ...] = ()
    arguments_known: bool = True

    @model_validator(mode="after")
    def _optional_names_exist(self) -> CallSpec:
        if self.arguments and not self.arguments_known:
            raise ValueError(f'"arguments" lists {sorted(self.arguments)}, although "arguments_known" is false')
        if unknown := set(self.optional) - self.arguments.keys():
            raise ValueError(f'"optional" names {sorted(unknown)}, which "arguments" does not accept')
        return self


class CallOption(Frozen):
    """One complete right answer, which consists of calls in any order or in the given order."""

    calls: tuple[CallSpec, ...] = Field(min_length=1)
    order: Literal["any", "given"] = "any"
    names: Literal["exact", "dot_underscore"] = "exact"


class ExpectCall(Frozen):
    """The expectation that the model calls. Each option of `any_of` is a right answer."""

    action: Literal["call"]
    any_of: tuple[CallOption, ...] = Field(min_length=1)

    @cached_property
    def tool(self) -> str | None:
        """The only tool that the options call. None if the options call several tools."""
        tools = {spec.name for option in self.any_of for spec in option.calls}
        return next(iter(tools)) if len(tools) == 1 else None

    @cached_property
    def arguments_known(self) -> bool:
        """Whether the right arguments are known for all calls."""
        return all(spec.arguments_known for option in self.any_of for spec in option.calls)

    @cached_property
    def names(self) -> Literal["exact", "dot_underscore"]:
        """The rule by which tool names are compared, which is the most lenient rule of the options."""
        return "dot_underscore" if any(option.names == "dot_underscore" for option in self.any_of) else "exact"


class Abstain(Frozen):
    """The expectation that the model does not call.

    Attributes:
        reason: The reason why no call is right.
        tool: The tool to which the missing argument belongs, if an argument is missing.
        missing: The name of the missing argument, if an argument is missing.
    """

    action: Literal["abstain"]
    reason: Literal["no_tool_needed", "no_tool_fits", "missing_argument", "already_answered"]
    tool: str | None = None
    missing: str | None = None


Expectation = Annotated[ExpectCall | Abstain, Field(discriminator="action")]


class Source(Frozen):
    """The origin of a case: the name of a collection, and the reference of the case in this collection."""

    name: str
    ref: str


class Case(Frozen):
    """One question to a model, with the offered tools and the expected answer."""

    messages: tuple[Message, ...] = Field(min_length=1)
    toolbox: Toolbox
    expect: Expectation
    split: Literal["dev", "test"] = "test"
    group: str = ""
    tags: dict[str, JsonValue] = Field(default_factory=dict)
    source: Source
    licence: str
    waiver: str | None = None
    seen_unknown: bool = Field(
        default=False, description="It is not known what the model saw; `id` is a hash of `source`."
    )

    @model_validator(mode="after")
    def _ends_with_user_or_tool(self) -> Case:
        if self.messages[-1].role not in ("user", "tool"):
            raise ValueError(
                f"the last message has the role {self.messages[-1].role}, but a case must end with user or tool"
            )
        return self

    @cached_property
    def id(self) -> str:
        """The hash of the messages and resolved tools, which the model sees.

        If messages and tools are not known, the hash of `source`.
        """
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
        """The hash of the parts that the model does not see and that affect the verdict: expectation, tags, waiver."""
        return digest({"expect": self.expect.model_dump(mode="json"), "tags": self.tags, "waiver": self.waiver})

    @property
    def cluster(self) -> str:
        """The cluster of this case in the statistics. It is the group of paraphrases, or the case alone."""
        return self.group or self.id
