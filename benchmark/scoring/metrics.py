"""Defines the metrics. A metric selects grades, and computes one value for each selected grade.

- The selected grades are the *population* of the metric.
- A *primary* metric gets a verdict. Its population is the same for every candidate, and a higher value is better.
- A *secondary* metric explains a primary metric.

The package `verdicts` computes means and intervals from the values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from toolmark.benchmark.readers.probes import KINDS
from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.scoring.judged import Judged

__all__ = [
    "AT_RESTRAINT",
    "AUROC",
    "BALANCED",
    "METRICS",
    "PRIMARY",
    "CaseValue",
    "Level",
    "Metric",
    "MetricInfo",
    "case_values",
    "checked_metrics",
    "metrics_for",
    "metrics_on_request",
    "primary_metrics",
]


Level = Literal["primary", "secondary", "detail"]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """The description of a metric, as data for reports.

    Attributes:
        id: The name in flags, tables, CSV, JUnit and logs.
        label: One to four words for figures and sentences.
        meaning: What the metric measures, in a few words.
        level: `primary` metrics get verdicts. `secondary` metrics explain primary metrics. `detail` metrics are left
            out of summaries, because there can be hundreds of them.
        higher_is_better: False if the metric counts mistakes. None if neither direction is better.
        unit: `share` for a value between 0 and 1, otherwise the unit of the value, for example `characters`.
    """

    id: str
    label: str
    meaning: str
    level: Level = "secondary"
    higher_is_better: bool | None = True
    unit: str = "share"


@dataclass(frozen=True, slots=True)
class Metric(MetricInfo):
    """A metric over grades. It is for one kind of grade: for `Grade` or for `ConversationGrade`.

    Attributes:
        of: Function that returns the value of the metric for a grade, in the unit of the metric. The function returns
            None if the grade is outside the population.
        of_policies: Whether trivial policies get a score on the metric. A trivial policy answers without a model: for
            example, it never calls a tool. True only if the metric can be computed without running a tool.
        over_epochs: Function that returns the value of a case from its values in the epochs (repetitions).
    """

    of: Callable[[Any], float | None] = field(kw_only=True)
    of_policies: bool = field(default=False, kw_only=True)
    over_epochs: Callable[[Sequence[float]], float] = field(default=_mean, kw_only=True)

    @property
    def info(self) -> MetricInfo:
        """Return the description of the metric, as data for reports."""
        return MetricInfo(self.id, self.label, self.meaning, self.level, self.higher_is_better, self.unit)


def _among(
    population: Callable[[Grade], bool], value: Callable[[Grade], bool | None]
) -> Callable[[Grade], float | None]:
    def of(grade: Grade) -> float | None:
        judged = value(grade) if population(grade) else None
        return None if judged is None else float(judged)

    return of


def _calls(grade: Grade) -> bool:
    return grade.expected == "call"


def _abstains(grade: Grade) -> bool:
    return grade.expected == "abstain"


def _any(grade: Grade) -> bool:  # noqa: ARG001
    return True


def _if_arguments_known(grade: Grade, right: bool) -> bool | None:
    return right if grade.arguments_known else None


PRIMARY: tuple[Metric, ...] = (
    Metric(
        "timing.recall",
        "recall",
        "calls when it should",
        "primary",
        of=_among(_calls, lambda g: g.outcome == "call"),
        of_policies=True,
    ),
    Metric(
        "timing.restraint",
        "restraint",
        "abstains when it should",
        "primary",
        of=_among(_abstains, lambda g: g.outcome == "abstain"),
        of_policies=True,
    ),
    Metric(
        "selection.tool",
        "selection",
        "calls the right tool",
        "primary",
        of=_among(_calls, lambda g: g.selected),
        of_policies=True,
    ),
    Metric(
        "validity.schema",
        "valid calls",
        "every call fits its schema",
        "primary",
        of=_among(_calls, lambda g: g.schema_valid),
        of_policies=True,
    ),
    Metric(
        "validity.call",
        "whole calls",
        "the whole call is right and runs",
        "primary",
        of=_among(_calls, lambda g: _if_arguments_known(g, g.correct)),
    ),
    Metric("guard.stops", "stopping", "ends by itself", "primary", of=_among(_any, lambda g: g.stopped)),
)
"""Every table shows the primary metrics in this order."""

BALANCED = MetricInfo("timing.balanced", "balanced timing", "mean of recall and restraint")
"""No function computes balanced timing from one grade, because each grade counts either in recall or in restraint."""

AUROC = MetricInfo("timing.auroc", "timing curve", "a call is more likely where it is right", higher_is_better=True)
"""The area under the curve of recall against restraint. It needs all grades at once, and has a verdict of its own."""

AT_RESTRAINT = MetricInfo(
    "timing.at_restraint[0.9]", "recall at 90% restraint", "recall with the threshold for 90% restraint on dev"
)
"""No function computes this metric from one grade, because its threshold is chosen on the dev cases of a candidate."""

_BRIER = Metric(
    "timing.brier",
    "Brier score",
    "squared error of the probability of a call",
    higher_is_better=False,
    of=lambda g: None if g.call_probability is None else (g.call_probability - _calls(g)) ** 2,
)

_REASONS = ("no_tool_needed", "no_tool_fits", "missing_argument", "already_answered")

_SECONDARY: tuple[Metric, ...] = (
    Metric(
        "timing.false_calls",
        "false calls",
        "calls when it should not",
        higher_is_better=False,
        of=_among(_abstains, lambda g: g.outcome == "call"),
    ),
    Metric(
        "timing.malformed",
        "malformed",
        "attempts that cannot be read as a call",
        higher_is_better=False,
        of=_among(_any, lambda g: g.outcome == "malformed"),
    ),
    *(
        Metric(
            f"timing.restraint[{reason}]",
            f"restraint: {reason.replace('_', ' ')}",
            f"abstains: {reason.replace('_', ' ')}",
            of=_among(lambda g, reason=reason: g.reason == reason, lambda g: g.outcome == "abstain"),  # type: ignore[misc]
        )
        for reason in _REASONS
    ),
    Metric(
        "selection.given_call",
        "selection given a call",
        "right tool, once it calls",
        of=_among(lambda g: _calls(g) and g.outcome == "call", lambda g: g.selected),
    ),
    Metric(
        "validity.lenient",
        "lenient calls",
        "the whole call is right, read leniently",
        of=_among(_calls, lambda g: _if_arguments_known(g, g.correct_leniently)),
    ),
    Metric(
        "validity.executes",
        "calls that run",
        "valid calls that run without error",
        of=_among(_calls, lambda g: g.executed),
    ),
    Metric(
        "guard.uses_result",
        "uses the result",
        "answer uses the tool's result",
        of=_among(lambda g: g.reason == "already_answered", lambda g: g.uses_result),
    ),
    Metric(
        "guard.answer_length",
        "answer length",
        "characters of an answer",
        higher_is_better=None,
        unit="characters",
        of=lambda g: float(g.answer_length) if g.outcome == "abstain" else None,
    ),
)

METRICS: Mapping[str, Metric] = {metric.id: metric for metric in (*PRIMARY, *_SECONDARY)}
"""The metrics of every comparison, by id."""


def primary_metrics(suite: str) -> tuple[str, ...]:
    """Return the ids of the primary metrics of a suite. Each id begins with the name of the suite."""
    return tuple(metric.id for metric in PRIMARY if metric.id.startswith(f"{suite}."))


def checked_metrics(suite: str = "") -> tuple[str, ...]:
    """Return the ids of the metrics that a suite checks. If `suite` is empty, return the ids for all suites."""
    ids = (*(metric.id for metric in PRIMARY), BALANCED.id)
    return tuple(metric for metric in ids if not suite or metric.startswith(f"{suite}."))


def metrics_on_request(suite: str = "") -> tuple[str, ...]:
    """Return the ids of the metrics that a suite checks only with the option `--gate`. If `suite` is empty, return
    those of all suites.

    These metrics are in no family of tests, so they change no other verdict.
    """
    return tuple(metric.id for metric in (AUROC,) if not suite or metric.id.startswith(f"{suite}."))


def _probes(grade: Grade) -> list[Any]:
    kinds = grade.tags.get("probes")
    return kinds if isinstance(kinds, list) else []


def metrics_for(grades: Iterable[Grade]) -> tuple[Metric, ...]:
    """Return all metrics, and then the parts of `selection.tool`.

    There is one part for each number of offered tools, for each kind of probe, and for each expected tool in `grades`.
    The Brier score is left out if no probability of a call is known.

    Args:
        grades: The grades of all contestants.
    """
    rows = [row for row in grades if row.waived is None]
    by_size = (
        Metric(
            f"selection.tool[{size} offered]",
            f"selection of {size}",
            f"right tool of {size}",
            of=_among(lambda g, size=size: _calls(g) and g.offered == size, lambda g: g.selected),  # type: ignore[misc]
        )
        for size in sorted({row.offered for row in rows if _calls(row)})
    )
    by_tool = (
        Metric(
            f"selection.tool[{tool}]",
            f"selection: {tool}",
            f"calls {tool}",
            level="detail",
            of=_among(lambda g, tool=tool: _calls(g) and g.tool == tool, lambda g: g.selected),  # type: ignore[misc]
        )
        for tool in sorted({row.tool for row in rows if row.tool is not None})
    )
    by_probe = (
        Metric(
            f"selection.tool[{kind}]",
            f"selection: {kind.replace('_', ' ')}",
            f"right tool: {kind.replace('_', ' ')}",
            of=_among(lambda g, kind=kind: _calls(g) and kind in _probes(g), lambda g: g.selected),  # type: ignore[misc]
        )
        for kind in KINDS
        if any(kind in _probes(row) for row in rows)
    )
    brier = (_BRIER,) if any(row.call_probability is not None for row in rows) else ()
    return (*METRICS.values(), *brier, *by_size, *by_probe, *by_tool)


@dataclass(frozen=True, slots=True)
class CaseValue:
    """The value of a case under one metric.

    Attributes:
        case_id: Id of the case.
        cluster: The cluster of the case. Statistics treat clusters as independent of each other.
        value: The value of the case. With several epochs (repetitions), this is usually their mean.
    """

    case_id: str
    cluster: str
    value: float


def case_values(metric: Metric, grades: Sequence[Judged]) -> list[CaseValue]:
    """Return the value of each case in the population of the metric, without waived cases.

    Args:
        metric: The metric.
        grades: The grades of one contestant, one for each case and epoch.

    Returns:
        One value for each case, in the order in which the cases first appear in `grades`.
    """
    collected: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in grades:
        value = metric.of(row) if row.waived is None else None
        if value is not None:
            collected[row.case_id, row.cluster].append(value)
    return [CaseValue(*key, metric.over_epochs(values)) for key, values in collected.items()]
