"""Defines what all grades have in common: those of single answers, and those of conversations."""

from __future__ import annotations

from typing import Any, Protocol

from toolmark.benchmark.scoring.causes import Cause

__all__ = ["Judged"]


class Judged(Protocol):
    """A grade of one answer to a case, or of one conversation in a scenario.

    Attributes:
        case_id: Id of the case or scenario.
        epoch: Number of the repetition, from 1.
        cluster: The cluster of the case. Statistics treat clusters as independent of each other.
        cause: The cause of failure. None if everything is right.
        detail: Details of the cause. Empty if everything is right.
        correct: Whether everything is right.
        correct_leniently: Like `correct`, if small mistakes in the form of calls are accepted.
        forgiven: The mistakes in the form of calls that the lenient reading accepts.
        waived: Reason why the case is waived. None if the case is not waived. No metric includes a waived grade.
    """

    @property
    def case_id(self) -> str: ...  # noqa: D102
    @property
    def epoch(self) -> int: ...  # noqa: D102
    @property
    def cluster(self) -> str: ...  # noqa: D102
    @property
    def cause(self) -> Cause | None: ...  # noqa: D102
    @property
    def correct(self) -> bool: ...  # noqa: D102
    @property
    def correct_leniently(self) -> bool: ...  # noqa: D102
    @property
    def forgiven(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def waived(self) -> str | None: ...  # noqa: D102
    @property
    def detail(self) -> str: ...  # noqa: D102

    def as_json(self) -> dict[str, Any]:
        """Return the fields that a log keeps, as JSON values."""
        ...
