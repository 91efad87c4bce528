"""The type `Draw`: the arguments of the right call of one question, and the words for these arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

__all__ = ["Draw", "Drawer", "listed", "quoted"]


@dataclass(frozen=True, slots=True)
class Draw:
    """One set of arguments for one tool.

    Attributes:
        arguments: The arguments of the right call.
        slots: The texts that replace the slots in the phrasings of the tool, by slot.
        accept: Match rules, by argument. An argument has a rule only if several values are right.
    """

    arguments: Mapping[str, Any]
    slots: Mapping[str, str] = field(default_factory=dict)
    accept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


Drawer = Callable[[Random], Draw]


def listed(rng: Random, items: list[Any]) -> str:
    """Return a list in words: with commas, in brackets, or with "and" before the last item."""
    texts = [str(item) for item in items]
    kind = rng.randrange(4)
    if kind == 0:
        return f"[{', '.join(repr(item) if isinstance(item, str) else str(item) for item in items)}]"
    if kind == 1 and len(texts) > 1:
        return f"{', '.join(texts[:-1])} and {texts[-1]}"
    return ", ".join(texts)


def quoted(rng: Random, text: str) -> str:
    """Return `text` in quotation marks that do not occur in `text`."""
    marks = [mark for mark in ('"', "'") if mark not in text]
    mark = rng.choice(marks) if marks else "`"
    return f"{mark}{text}{mark}"
