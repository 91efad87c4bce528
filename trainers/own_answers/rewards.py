"""The default rewards of answers in `toolmark train grpo`, by the result of the grade."""

from __future__ import annotations

__all__ = ["DEFAULT_REWARDS", "RIGHT"]

RIGHT = ("call", "abstain")
"""Results of right answers."""

DEFAULT_REWARDS: dict[str, float] = {
    "call": 1.0,
    "abstain": 1.0,
    "over_call": -1.0,
    "no_call": -1.0,
    "truncated": -1.0,
    "unparseable": -1.0,
    "foreign_format": -1.0,
    "unknown_tool": -0.5,
    "wrong_count": -0.5,
    "wrong_tool": -0.5,
    "missing_argument": 0.0,
    "extra_argument": 0.0,
    "invalid_argument": 0.0,
    "wrong_value": 0.0,
    "wrong_order": 0.0,
    "execution_error": 0.0,
    "format": 0.5,
}
"""`call` and `abstain` stand for right answers. The other names are causes of failure. A wrong decision costs as much
as a right decision pays. So on balanced data, a model that never calls, or always calls, gets no reward on average."""
