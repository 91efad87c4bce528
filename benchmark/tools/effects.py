"""What running a tool may touch, declared where the tool is written.

A function that says nothing is taken to write: the harness then never runs it unasked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args

from toolmark.benchmark.data.cases import Effects

__all__ = ["declared_effects", "effects"]

_ATTRIBUTE = "__toolmark_effects__"

Function = TypeVar("Function", bound=Callable[..., Any])


def effects(kind: Effects) -> Callable[[Function], Function]:
    """Declare what a tool function touches: `pure` nothing, `read` the world's state, `write` changes it.

    Raises:
        ValueError: `kind` is none of the three.
    """
    if kind not in get_args(Effects):
        raise ValueError(f"effects are {', '.join(get_args(Effects))}, not {kind!r}")

    def mark(function: Function) -> Function:
        setattr(function, _ATTRIBUTE, kind)
        return function

    return mark


def declared_effects(function: Callable[..., Any], default: Effects = "write") -> Effects:
    """The effects that `function` was marked with, or `default`."""
    kind: Effects = getattr(function, _ATTRIBUTE, default)
    return kind
