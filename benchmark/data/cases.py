"""Defines cases. A case consists of a conversation, a toolbox and the expected answer.

There are two kinds of expected answers. *call* contains the right calls with the values of their arguments. *abstain*
contains the reason why no call is right. The package `readers` makes cases from files.

The `id` of a case is a hash of the parts that the model sees. If the expected answer is corrected, the id does not
change, and a recorded completion still belongs to the case.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue, field_serializer, model_validator

from toolmark.benchmark.core.hashing import canonical_json, digest
from toolmark.benchmark.core.secrets import command_without_secrets
from toolmark.benchmark.data.frozen import Frozen
from toolmark.benchmark.data.match_rules import Accept, as_accept

__all__ = [
    "Abstain",
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
"""What a tool does outside of its function. `pure`: nothing. `read`: It reads state. `write`: It changes state."""


def query_hash(query: str) -> str:
    """Return the hash of a query, to find test queries in training data.

    Two queries that differ only in upper and lower case, or in the amount of white-space, have the same hash.
    """
    return digest(" ".join(query.casefold().split()))


class Call(Frozen):
    """One call: the name of the tool, and the arguments by name."""

    name: str
    arguments: Mapping[str, Any] = Field(default_factory=dict)

    @property
    def written(self) -> str:
        """Return the call as JSON. The JSON of equal calls is the same."""
        return canonical_json([self.name, dict(self.arguments)])


class Message(Frozen):
    """One turn of a conversation.

    Attributes:
        role: Who wrote the turn.
        content: The text.
        tool_calls: The calls of a turn of the assistant.
        name: Name of the tool. Only for the role `tool`.
        tool_call_id: Id of the call. Only for the role `tool`.
        weight: 0 if training must not teach a model to write this turn. A model does not see the weight.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    tool_calls: tuple[Call, ...] = ()
    name: str | None = None
    tool_call_id: str | None = None
    weight: Literal[0, 1] = 1

    @model_validator(mode="before")
    @classmethod
    def _from_openai(cls, value: Any) -> Any:
        """Convert a chat turn in OpenAI's form.

        In this form, a call is `{"type": "function", "function": {...}}`, and the content can be null.
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
        """Return this turn in OpenAI's form. The arguments of calls are objects, not text."""
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
    """A tool that can be offered to a model.

    Attributes:
        name: Name of the tool.
        description: What the tool does, for the model.
        parameters: JSON Schema of the arguments.
        run: Name of the implementation, for example `package.module:function`. None if there is no implementation. Only
            the worker process of the sandbox runs the implementation.
        effects: What the implementation reads or changes outside of itself.
    """

    name: str = Field(min_length=1)
    description: str = ""
    parameters: dict[str, JsonValue] = Field(default={"type": "object", "properties": {}})
    run: str | None = None
    effects: Effects = "write"

    @property
    def properties(self) -> Mapping[str, Any]:
        """Return the schema of each argument. Empty if the parameters declare none."""
        properties = self.parameters.get("properties")
        return properties if isinstance(properties, Mapping) else {}

    @field_serializer("run")
    def _run_without_secrets(self, run: str | None) -> str | None:
        """Hide API keys in the command of an MCP server, because files with tools are published."""
        if run is None or not run.startswith("mcp:"):
            return run
        command, colon, name = run.rpartition(":")
        return command_without_secrets(command) + colon + name

    def shown(self) -> dict[str, Any]:
        """Return the parts of this tool that a model sees: the name, the description and the parameters."""
        return {"name": self.name, "description": self.description, "parameters": self.parameters}

    def as_openai(self) -> dict[str, Any]:
        """Return this tool in OpenAI's form, which chat templates and servers read."""
        return {"type": "function", "function": self.shown()}

    @cached_property
    def schema_hash(self) -> str:
        """Return the hash of the parts that a model sees. In a training record, this hash stands for the tool."""
        return digest(self.shown())


class Toolbox(Frozen):
    """A named, ordered list of tools that are offered together."""

    name: str
    tools: tuple[Tool, ...]

    def __getitem__(self, name: str) -> Tool:
        return self.by_name[name]

    @cached_property
    def by_name(self) -> Mapping[str, Tool]:
        """Return the tools by name. If two tools have the same name, only the first tool is returned."""
        return {tool.name: tool for tool in reversed(self.tools)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the names of the tools, in the order of the toolbox."""
        return tuple(tool.name for tool in self.tools)


class CallSpec(Frozen):
    """One expected call.

    Attributes:
        name: Name of the tool.
        arguments: The rule for the value of each argument, by the name of the argument.
        optional: Names of arguments that the model is allowed to leave out.
        arguments_known: Whether the right arguments are known. If False, all arguments that fit the schema of the tool
            are right.
    """

    name: str
    arguments: dict[str, Annotated[Accept, BeforeValidator(as_accept)]] = Field(default_factory=dict)
    optional: tuple[str, ...] = ()
    arguments_known: bool = True

    @model_validator(mode="after")
    def _optional_names_exist(self) -> CallSpec:
        if self.arguments and not self.arguments_known:
            raise ValueError(f'"arguments_known" is false, but "arguments" has the keys {sorted(self.arguments)}')
        if unknown := set(self.optional) - self.arguments.keys():
            raise ValueError(f'"optional" contains {sorted(unknown)}, which "arguments" does not contain')
        return self


class CallOption(Frozen):
    """One complete right answer.

    Attributes:
        calls: The expected calls.
        order: `any` if the model can write the calls in any order. `given` if the order of `calls` is required.
        names: How the names of tools are compared. With `dot_underscore`, the characters `.` and `_` count as equal.
    """

    calls: tuple[CallSpec, ...] = Field(min_length=1)
    order: Literal["any", "given"] = "any"
    names: Literal["exact", "dot_underscore"] = "exact"


class ExpectCall(Frozen):
    """The expectation that the model calls tools. Each option in `any_of` is a complete right answer."""

    action: Literal["call"]
    any_of: tuple[CallOption, ...] = Field(min_length=1)

    @cached_property
    def tool(self) -> str | None:
        """Return the name of the expected tool, or None if several tools are expected."""
        tools = {spec.name for option in self.any_of for spec in option.calls}
        return next(iter(tools)) if len(tools) == 1 else None

    @cached_property
    def arguments_known(self) -> bool:
        """Return whether the right arguments of all calls are known."""
        return all(spec.arguments_known for option in self.any_of for spec in option.calls)

    @cached_property
    def names(self) -> Literal["exact", "dot_underscore"]:
        """Return `dot_underscore` if one of the options compares names in this way. Otherwise return `exact`."""
        return "dot_underscore" if any(option.names == "dot_underscore" for option in self.any_of) else "exact"


class Abstain(Frozen):
    """The expectation that the model calls no tool.

    Attributes:
        reason: The reason why no call is right.
        tool: If the reason is `missing_argument`, the name of the tool that needs the argument.
        missing: If the reason is `missing_argument`, the name of the argument.
    """

    action: Literal["abstain"]
    reason: Literal["no_tool_needed", "no_tool_fits", "missing_argument", "already_answered"]
    tool: str | None = None
    missing: str | None = None


Expectation = Annotated[ExpectCall | Abstain, Field(discriminator="action")]


class Source(Frozen):
    """Where a case comes from: the name of a collection, and the reference of the case in this collection."""

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
        default=False, description="True if it is not known what the model saw. Then `id` is a hash of `source`."
    )

    @model_validator(mode="after")
    def _ends_with_user_or_tool(self) -> Case:
        if self.messages[-1].role not in ("user", "tool"):
            raise ValueError(
                f"the last message has the role {self.messages[-1].role}, but the role must be user or tool"
            )
        return self

    @cached_property
    def id(self) -> str:
        """Return the hash of the messages and the tools that the model sees.

        If it is not known what the model saw, return the hash of `source`.
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
        """Return the hash of the parts that the model does not see: the expectation, the tags and the waiver."""
        return digest({"expect": self.expect.model_dump(mode="json"), "tags": self.tags, "waiver": self.waiver})

    @property
    def cluster(self) -> str:
        """Return the cluster of this case in the statistics: the group of paraphrases, or the case alone."""
        return self.group or self.id
