"""The effects of a tool, which are declared at the tool's function.

The effects say what the function reads or changes outside of itself.

A function without a declaration counts as `write`. So the function is run only if the user allows `write`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args

from toolmark.benchmark.data.cases import Effects

__all__ = ["declared_effects", "effects"]

_ATTRIBUTE = "__toolmark_effects__"

Function = TypeVar("Function", bound=Callable[..., Any])


def effects(kind: Effects) -> Callable[[Function], Function]:
    """Declare the effects of a tool function, as a decorator.

    Args:
        kind: `pure` (the tool has no effects), `read` (it reads state) or `write` (it changes state).

    Raises:
        ValueError: `kind` is another word.
    """
    if kind not in get_args(Effects):
        raise ValueError(f"effects must be one of {', '.join(get_args(Effects))}, not {kind!r}")

    def mark(function: Function) -> Function:
        setattr(function, _ATTRIBUTE, kind)
        return function

    return mark


def declared_effects(function: Callable[..., Any], default: Effects = "write") -> Effects:
    """The effects that were declared for `function`, or `default`."""
    kind: Effects = getattr(function, _ATTRIBUTE, default)
    return kind
