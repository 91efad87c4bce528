"""Defines the causes of failure, with their labels and colours."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

__all__ = ["Cause"]


class Cause(StrEnum):
    """A cause of failure.

    If several causes apply to a completion, only one of them is reported: the cause that comes first in this class.
    Each cause is declared with four values: id, label, colour on a light page, and colour on a dark page.

    Attributes:
        label: Label of the cause in reports.
        light: CSS colour on a light page.
        dark: CSS colour on a dark page.
        rank: Position of the cause in this class, from 0. Of several causes, the cause with the lowest rank is
            reported.
    """

    label: str
    light: str
    dark: str
    rank: int

    def __new__(cls, value: str, label: str, light: str, dark: str) -> Self:
        """Make a cause. The value of a cause is its id, so `str(cause)` is the id."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label, member.light, member.dark = label, light, dark
        member.rank = len(cls.__members__)
        return member

    OVER_CALL = "over_call", "over call", "#7f1d1d", "#b94a48"
    NO_CALL = "no_call", "no call", "#dc2626", "#ff7b72"
    TRUNCATED = "truncated", "truncated", "#78716c", "#8d8782"
    UNPARSEABLE = "unparseable", "unparseable", "#a8a29e", "#bdb7b2"
    FOREIGN_FORMAT = "foreign_format", "foreign format", "#57534e", "#a59f99"
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
    FORBIDDEN = "forbidden", "forbidden change", "#881337", "#e2517a"
    LIMIT = "limit", "limit", "#9f1239", "#f17a98"
    NOT_REACHED = "not_reached", "not reached", "#be123c", "#f79bb2"
    NOT_TOLD = "not_told", "not told", "#fb7185", "#fbb6c4"
    OTHER_STATE = "other_state", "other state", "#fda4af", "#fdd3da"

    @classmethod
    def of(cls, value: str) -> Self:
        """Return the cause with this id. Raises `KeyError` if no cause has this id."""
        return {cause.value: cause for cause in cls}[value]
