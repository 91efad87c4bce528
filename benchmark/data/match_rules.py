"""The rules of a case that say which values of an argument are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from toolmark.benchmark.data.frozen import Frozen

__all__ = ["Accept", "Match", "as_accept"]

Match = Literal[
    "anything",
    "bfcl",
    "casefold",
    "contains",
    "date",
    "exact",
    "list",
    "nonempty",
    "number",
    "object",
    "same_result",
    "set",
]


class Accept(Frozen):
    """A rule that says which values of an argument are right. `scoring/accepted_values.py` implements the rules.

    In a case file, a list `[v, …]` is a short form of `{"match": "exact", "of": [v, …]}`.

    Attributes:
        match: The kind of the rule.
        of: The accepted values. For `object`, a rule for each key. For `list`, a rule for each element.
        optional: Keys of an `object` that are allowed to be missing.
        tolerance: Largest absolute difference from an accepted value. Only for `number`.
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
            case "anything" | "nonempty":
                if self.of is not None:
                    raise ValueError(f'"match": "{self.match}" must not have "of"')
                nested = None
            case _:
                if not isinstance(self.of, list | tuple) or not self.of:
                    raise ValueError(f'"match": "{self.match}" needs "of": [value, …] with at least one value')
                nested = tuple(self.of)
                if fault := _unfit(self.match, nested):
                    raise ValueError(f'"match": "{self.match}" {fault}')
        if self.tolerance is not None and self.match != "number":
            raise ValueError(f'"tolerance" is only for "match": "number", not for "{self.match}"')
        if self.optional and (self.match != "object" or not set(self.optional) <= nested.keys()):
            raise ValueError(f'"optional" must list keys of "of" in an "object" rule, not {list(self.optional)}')
        object.__setattr__(self, "of", nested)
        return self

    def example(self) -> Any:
        """Return one right value: the first accepted value, or a value that is made to fit the rule."""
        match self.match:
            case "contains":
                return " ".join(self.of)
            case "anything" | "nonempty":
                return "text"
            case "object":
                return {key: inner.example() for key, inner in self.of.items()}
            case "list":
                return [inner.example() for inner in self.of]
            case _:
                return self.of[0]


def _unfit(match: Match, values: Sequence[Any]) -> str | None:
    """Return why the accepted values do not fit the kind of the rule. Return None if all values fit."""
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
    """Return the rule that is written in a case file. The short form, a list, becomes the rule `exact`.

    Raises:
        ValueError: The value is not a rule or a list.
    """
    if isinstance(value, list | tuple):
        return Accept(match="exact", of=list(value))
    if isinstance(value, Mapping):
        return Accept.model_validate(value)
    if isinstance(value, Accept):
        return value
    raise ValueError(f'accepted values must be a list, or an object with "match", not {value!r}')
