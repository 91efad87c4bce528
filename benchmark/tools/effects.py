"""Declares the effects of a tool. The effects say what the tool's function reads or changes outside of the function.

If the function has no declaration, its effects are `write`. The sandbox then runs it only if the user allows `write`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args

from toolmark.benchmark.data.cases import Effects

__all__ = ["declared_effects", "effects"]

_ATTRIBUTE = "__toolmark_effects__"

Function = TypeVar("Function", bound=Callable[..., Any])


def effects(kind: Effects) -> Callable[[Function], Function]:
    """Return a decorator that declares the effects of a tool function.

    Args:
        kind: `pure` (the tool has no effects), `read` (the tool reads state) or `write` (the tool changes state).

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
    """Return the effects that were declared for `function`, or `default` if nothing was declared."""
    kind: Effects = getattr(function, _ATTRIBUTE, default)
    return kind
