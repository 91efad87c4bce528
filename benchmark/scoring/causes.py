"""Why a completion failed: every cause with its label and its colours, in the order in which the first one counts."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

__all__ = ["Cause"]


class Cause(StrEnum):
    """A cause of failure. A completion that fails several ways has the first of them as its one cause.

    Each member is declared as id, label, colour on a light page, colour on a dark page.

    Attributes:
        label: What people read.
        light: CSS colour on a light page.
        dark: CSS colour on a dark page.
    """

    label: str
    light: str
    dark: str

    def __new__(cls, value: str, label: str, light: str, dark: str) -> Self:
        """A member; its value, and so its text, is the id."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label, member.light, member.dark = label, light, dark
        return member

    OVER_CALL = "over_call", "over call", "#7f1d1d", "#b94a48"
    NO_CALL = "no_call", "no call", "#dc2626", "#ff7b72"
    TRUNCATED = "truncated", "truncated", "#78716c", "#8d8782"
    UNPARSEABLE = "unparseable", "unparseable", "#a8a29e", "#bdb7b2"
    UNKNOWN_TOOL = "unknown_tool", "unknown tool", "#6d28d9", "#8f6cf0"
    WRONG_COUNT = "wrong_count", "wrong count", "#8b5cf6", "#a98bff"
    WRONG_TOOL = "wrong_tool", "wrong tool", "#c4b5fd", "#d3c7ff"
    MISSING_ARGUMENT = "missing_argument", "missing argument", "#1e40af", "#4c78e8"
    EXTRA_ARGUMENT = "extra_argument", "extra argument", "#3b82f6", "#7ab0ff"
    INVALID_ARGUMENT = "invalid_argument", "invalid argument", "#93c5fd", "#b9d7ff"
    WRONG_VALUE = "wrong_value", "wrong value", "#d97706", "#f0a03c"
    WRONG_ORDER = "wrong_order", "wrong order", "#fbbf24", "#ffd569"
    EXECUTION_ERROR = "execution_error", "execution error", "#0f766e", "#2ba697"
    FORMAT = "format", "format", "#5eead4", "#8df0e0"

    @classmethod
    def of(cls, value: str) -> Self:
        """The cause of this id. Raises `KeyError`."""
        return {cause.value: cause for cause in cls}[value]

    @property
    def rank(self) -> int:
        """Its place in the order, from 0: lower ranks are named first."""
        return list(Cause).index(self)
