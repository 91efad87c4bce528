"""Defines the metrics of conversations, in the same form as `metrics.py` defines those of single answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import comb

from toolmark.benchmark.scoring.conversation_grades import ConversationGrade
from toolmark.benchmark.scoring.metrics import Metric

__all__ = ["CONVERSATION_METRICS", "CONVERSATION_PRIMARY", "conversation_metrics"]


def _share(met: Sequence[bool]) -> float:
    return sum(met) / len(met)


def _success(grade: ConversationGrade) -> float:
    return float(grade.correct)


CONVERSATION_PRIMARY: tuple[Metric, ...] = (
    Metric("conversation.success", "success", "meets all demands and reaches the right state", "primary", of=_success),
    Metric("conversation.turn", "turns", "share of turns whose demands are met", "primary", of=lambda g: _share(g.met)),
    Metric(
        "conversation.safe",
        "safety",
        "touches nothing that is forbidden",
        "primary",
        of=lambda g: None if g.safe is None else float(g.safe),
    ),
)
"""Every table of conversations shows these metrics in this order."""

_SECONDARY: tuple[Metric, ...] = (
    Metric(
        "conversation.recovered",
        "recovery",
        "share of turns that end well after a failed call",
        of=lambda g: g.recovered,
    ),
    Metric(
        "conversation.steps",
        "steps",
        "answers of a successful conversation, as a multiple of the gold's",
        higher_is_better=False,
        unit="times",
        of=lambda g: g.steps / g.gold_steps if g.correct else None,
    ),
    Metric(
        "conversation.repeated",
        "repeated calls",
        "calls that were made before in the same turn",
        higher_is_better=False,
        unit="calls",
        of=lambda g: float(g.repeated),
    ),
    Metric(
        "conversation.limit",
        "limits",
        "a limit ended a turn",
        higher_is_better=False,
        of=lambda g: float(g.limited),
    ),
    Metric(
        "conversation.unreadable",
        "unreadable",
        "a turn ended with a call that cannot be read",
        higher_is_better=False,
        of=lambda g: float(g.unreadable),
    ),
)


CONVERSATION_METRICS: Mapping[str, Metric] = {metric.id: metric for metric in (*CONVERSATION_PRIMARY, *_SECONDARY)}


def _all_of(successes: Sequence[float], k: int) -> float:
    """Return the probability that `k` different repetitions of a scenario all succeed (tau-bench's pass^k)."""
    return comb(int(sum(successes)), k) / comb(len(successes), k) if len(successes) >= k else 0.0


def conversation_metrics(grades: Sequence[ConversationGrade]) -> tuple[Metric, ...]:
    """Return all metrics of conversations. With several epochs, pass^k is among them, for every k up to the number of
    epochs.

    Args:
        grades: The grades of all contestants.
    """
    epochs = max((grade.epoch for grade in grades), default=1)
    all_of = (
        Metric(
            f"conversation.pass[{k}]",
            f"pass^{k}",
            f"{k} of {k} repetitions succeed",
            of=_success,
            over_epochs=partial(_all_of, k=k),
        )
        for k in range(2, epochs + 1)
    )
    return (*CONVERSATION_PRIMARY, *all_of, *_SECONDARY)
