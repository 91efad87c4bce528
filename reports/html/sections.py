"""Prepares the data for the sections of the page. `SECTIONS` is the order of the sections.

The template of the section NAME is `templates/NAME.html.jinja`.
"""

from __future__ import annotations

import math
from typing import Any

from toolmark.benchmark.scoring.metric_sets import label
from toolmark.benchmark.scoring.metrics import AUROC, MetricInfo
from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult
from toolmark.benchmark.verdicts.intervals import Interval
from toolmark.reports.fairness import Condition, fairness
from toolmark.reports.sentences import headline, sentences
from toolmark.reports.tables import cells, difference_cells, recipe_cells

__all__ = ["SECTIONS", "section_data"]

SECTIONS = ("verdict", "fairness", "table", "figures", "cases", "provenance")


def section_data(comparison: Comparison) -> dict[str, Any]:
    """Return the data that the templates need, except the comparison and the figures."""
    table = _table(comparison)
    return {
        "compared": _compared(comparison, table),
        "recipes": _recipes(comparison),
        "strips": _strips(comparison),
        "table": table,
        "secondary": _secondary(comparison),
        "ranks": _ranks(comparison),
        "provenance": [(one, [*_flat(one.identity)], [*_flat(one.environment)]) for one in comparison.contestants],
    }


def _compared(comparison: Comparison, table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the contestants that have a baseline, with the sentences about their metrics."""
    return [
        {
            "index": index,
            "contestant": contestant,
            "base": comparison.baseline_of(contestant),
            "headline": headline(contestant),
            "sentences": sentences(contestant),
            "bars": {AUROC.id: None, **{one["metric"]: one["lines"][index]["difference_bar"] for one in table}},
        }
        for index, contestant in enumerate(comparison.contestants)
        if contestant.baseline is not None
    ]


def _recipes(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the recipes with several trainings, with a line for each metric."""
    every = [one.interval for recipe in comparison.recipes for one in recipe.differences.values()]
    widest = max((max(map(abs, _ends(interval, -1, 1))) for interval in every), default=1.0) or 1.0
    return [
        {
            "name": recipe.name,
            "baseline": recipe.baseline,
            "headline": headline(recipe),
            "trainings": [(comparison.position(name), name) for name in recipe.trainings],
            "lines": [
                {
                    "metric": metric,
                    "label": label(metric),
                    "score": cells(recipe.figures[metric]),
                    "difference": recipe_cells(one),
                    "verdict": one.verdict,
                    "bar": _difference_bar(one.interval, one.effect, widest),
                }
                for metric, one in recipe.differences.items()
            ],
        }
        for recipe in comparison.recipes
    ]


def _difference_bar(interval: Interval, effect: float, widest: float) -> list[float]:
    """Return the places of the ends and of the effect, from 0 to 1. A difference of 0 is at 0.5."""
    low, high = _ends(interval, -1, 1)
    return [0.5 + value / widest / 2 for value in (low, high, effect)]


def _ends(interval: Interval, low: float, high: float) -> tuple[float, float]:
    """Return the ends of an interval, cut to [low, high]."""
    return max(interval.low, low) if math.isfinite(interval.low) else low, (
        min(interval.high, high) if math.isfinite(interval.high) else high
    )


def _table(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the formatted primary metrics. Each metric has a line for each contestant."""
    every = [each.interval for one in comparison.contestants for each in one.differences.values() if each.interval]
    widest = max((max(map(abs, _ends(interval, -1, 1))) for interval in every), default=1.0) or 1.0
    policies = comparison.report.policies if comparison.report else ()
    return [
        {
            "metric": metric.id,
            "label": metric.label,
            "meaning": metric.meaning,
            "lines": [
                _line(index, contestant, metric, widest) for index, contestant in enumerate(comparison.contestants)
            ],
            "policies": [(one.name, one.meaning, one.scores[metric.id]) for one in policies if metric.id in one.scores],
        }
        for metric in comparison.primary
    ]


def _line(index: int, contestant: ContestantResult, metric: MetricInfo, widest: float) -> dict[str, Any]:
    figure = contestant.figures[metric.id]
    difference = contestant.differences.get(metric.id)
    bar = difference_bar = None
    if figure.score is not None and figure.interval is not None:
        bar = [*_ends(figure.interval, 0, 1), figure.score]
    if difference is not None and difference.effect is not None and difference.interval is not None:
        difference_bar = _difference_bar(difference.interval, difference.effect, widest)
    return {
        "index": index,
        "name": contestant.name,
        "score": cells(figure, metric.unit),
        "bar": bar,
        "difference": difference_cells(difference) if difference else None,
        "verdict": difference.verdict if difference else "",
        "ties": difference.ties if difference else 0,
        "alone": (difference.only_base, difference.only_candidate) if difference else (0, 0),
        "minimum_detectable": difference.minimum_detectable if difference else None,
        "difference_bar": difference_bar,
    }


def _secondary(comparison: Comparison) -> list[dict[str, Any]]:
    rows = []
    for metric in comparison.metrics:
        figures = [contestant.figures[metric.id] for contestant in comparison.contestants]
        if metric.level != "primary" and any(figure.n for figure in figures):
            drawn = [cells(figure, metric.unit) for figure in figures]
            rows.append({"id": metric.id, "meaning": metric.meaning, "unit": metric.unit, "cells": drawn})
    return rows


def _strips(comparison: Comparison) -> list[tuple[int, ContestantResult, list[Condition]]]:
    """Return the conditions of each contestant that has a baseline or whose base is not verified."""
    every = [(index, one, fairness(comparison, one)) for index, one in enumerate(comparison.contestants)]
    return [
        (index, contestant, strip)
        for index, contestant, strip in every
        if contestant.baseline is not None or any(condition.state != "ok" for condition in strip)
    ]


def _ranks(comparison: Comparison) -> list[tuple[str, list[tuple[str, str]]]]:
    by_metric: dict[str, list[tuple[str, str]]] = {}
    for rank in comparison.report.ranks if comparison.report else ():
        place = str(rank.first) if rank.first == rank.last else f"{rank.first}–{rank.last}"
        by_metric.setdefault(rank.metric, []).append((place, rank.contestant))
    return [(label(metric), places) for metric, places in by_metric.items()]


def _flat(fields: Any, prefix: str = "") -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for name, value in fields.items():
        if isinstance(value, dict):
            flat += _flat(value, f"{prefix}{name}.")
        else:
            flat.append((f"{prefix}{name}", "none" if value is None else str(value)))
    return flat
