"""Trivial policies: simple rules that answer instead of a model. Their scores help to interpret the scores of models.

    never      never calls a tool
    first      always calls the first offered tool
    uniform    always calls a random tool (the choice is seeded)
    lexical    calls the tool that shares the rarest words with the question (BM25); abstains if no tool shares a word
    oracle     gives the right answer of the case

If a policy calls a tool, it writes the required arguments. The value of an argument is the first value in this list
that exists:

1. The default value of the schema.
2. A value in the question that is valid for the schema.
3. The first value of the enum.
4. An empty value of the type. For a string this is the question.

Only `oracle` reads the expected answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from toolmark.benchmark.data.cases import Call, Case, Tool
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.policies.lexical import bm25
from toolmark.benchmark.policies.named_values import named_values, types_of
from toolmark.benchmark.scoring.gold import perfect, written

__all__ = ["POLICIES", "VERSION", "Policy", "best_effort"]

VERSION = "1"
"""Version of the policies, a part of a run's identity. Increase the version if a change can alter an answer."""

Policy = Callable[[Case, Dialect, Random], Completion]
"""A function that returns the answer to a case in a dialect. The third argument is the source of all random choices."""

_REFUSAL = "I would rather not."


def _question(case: Case) -> str:
    """Return the last message of the user."""
    return next((turn.content for turn in reversed(case.messages) if turn.role == "user"), "")


def _blank(schema: Mapping[str, Any], query: str) -> Any:
    options = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(options, list) and options:
        return options[0]
    match next(iter(types_of(schema)), None):
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "array":
            return []
        case "object":
            return {}
        case "null":
            return None
    longest = schema.get("maxLength")
    return query[:longest] if isinstance(longest, int) else query


def best_effort(tool: Tool, query: str) -> Call:
    """Return a call of a tool with the required arguments, chosen as described at the top of this module."""
    declared, required = tool.properties, tool.parameters.get("required")
    arguments: dict[str, Any] = {}
    for name in required if isinstance(required, list) else ():
        schema = declared.get(name) if isinstance(name, str) else None
        if not isinstance(name, str) or not isinstance(schema, Mapping):
            continue
        unused = (value for value in named_values(schema, query) if value not in arguments.values())
        arguments[name] = schema["default"] if "default" in schema else next(unused, _blank(schema, query))
    return Call(name=tool.name, arguments=arguments)


def _calling(case: Case, dialect: Dialect, tool: Tool) -> Completion:
    return written(case, [best_effort(tool, _question(case))], dialect)


def _never(case: Case, dialect: Dialect, rng: Random) -> Completion:  # noqa: ARG001
    return written(case, (), dialect, _REFUSAL)


def _first(case: Case, dialect: Dialect, rng: Random) -> Completion:
    return _calling(case, dialect, case.toolbox.tools[0]) if case.toolbox.tools else _never(case, dialect, rng)


def _uniform(case: Case, dialect: Dialect, rng: Random) -> Completion:
    tools = case.toolbox.tools
    return _calling(case, dialect, rng.choice(tools)) if tools else _never(case, dialect, rng)


def _lexical(case: Case, dialect: Dialect, rng: Random) -> Completion:
    scores = bm25(_question(case), case.toolbox.tools)
    best = max(scores, default=0.0)
    return _calling(case, dialect, case.toolbox.tools[scores.index(best)]) if best else _never(case, dialect, rng)


def _oracle(case: Case, dialect: Dialect, rng: Random) -> Completion:  # noqa: ARG001
    return perfect(case, dialect)


POLICIES: Mapping[str, Policy] = {
    "never": _never,
    "first": _first,
    "uniform": _uniform,
    "lexical": _lexical,
    "oracle": _oracle,
}
"""The policies, by their names in the spec `policy/NAME`."""
