"""Chooses the metrics that belong to grades: those of single answers, or those of conversations."""

from __future__ import annotations

from collections.abc import Iterable

from toolmark.benchmark.scoring.conversation_grades import ConversationGrade
from toolmark.benchmark.scoring.conversation_metrics import (
    CONVERSATION_METRICS,
    CONVERSATION_PRIMARY,
    conversation_metrics,
)
from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.scoring.judged import Judged
from toolmark.benchmark.scoring.metrics import (
    AT_RESTRAINT,
    AUROC,
    BALANCED,
    METRICS,
    PRIMARY,
    Metric,
    checked_metrics,
    metrics_for,
)

__all__ = ["checked_conversation_metrics", "every_checked_metric", "label", "metrics_of", "primary_of"]


def metrics_of(grades: Iterable[Judged]) -> tuple[Metric, ...]:
    """Return all metrics of these grades. The primary metrics come first."""
    every = list(grades)
    conversations = [grade for grade in every if isinstance(grade, ConversationGrade)]
    if conversations:
        return conversation_metrics(conversations)
    return metrics_for(grade for grade in every if isinstance(grade, Grade))


def primary_of(grades: Iterable[Judged]) -> tuple[Metric, ...]:
    """Return the primary metrics of these grades."""
    return CONVERSATION_PRIMARY if any(isinstance(grade, ConversationGrade) for grade in grades) else PRIMARY


def checked_conversation_metrics() -> tuple[str, ...]:
    """Return the ids of the metrics of conversations that a suite checks."""
    return tuple(metric.id for metric in CONVERSATION_PRIMARY)


def every_checked_metric() -> tuple[str, ...]:
    """Return the ids of all metrics that a suite checks, of single answers and of conversations."""
    return (*checked_metrics(), *checked_conversation_metrics())


def label(metric_id: str) -> str:
    """Return the label of a metric. If no metric has this id, return the id."""
    without_grades = {metric.id: metric for metric in (BALANCED, AUROC, AT_RESTRAINT)}
    metric = {**METRICS, **CONVERSATION_METRICS, **without_grades}.get(metric_id)
    return metric_id if metric is None else metric.label
