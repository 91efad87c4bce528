"""Every figure that a summary, a report or a gate shows, computed here once.

A `Comparison` is frozen data: renderers draw it and gates read it. Neither of them computes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.data.record import TrainingRecord
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.scoring.metrics import BALANCED, PRIMARY, MetricInfo, case_values, metrics_for
from toolmark.benchmark.verdicts.fairness import Mismatch, mismatches, unproven_base
from toolmark.benchmark.verdicts.figure import Figure, figure_of
from toolmark.benchmark.verdicts.intervals import balanced
from toolmark.benchmark.verdicts.report_data import ReportData
from toolmark.benchmark.verdicts.verdict import MARGIN, Difference, Paired, decide, pair

__all__ = ["Comparison", "ContestantResult", "Figure", "Side", "compare_sides"]

Completions = Mapping[tuple[str, int], Completion]
"""By (case id, epoch)."""


@dataclass(frozen=True, slots=True)
class Side:
    """The judged answers of one contestant: what a comparison is made of.

    Attributes:
        name: Unique among the sides.
        grades: One a completion.
        completions: Of the same cases; without them, two sides are never known to be identical.
        baseline: Name of the side that this one is compared with.
        run: Name of the run's directory.
        identity: What may change its completions.
        environment: Where they were made.
        training: How its weights were made, where a record says so.
    """

    name: str
    grades: Sequence[Grade]
    completions: Completions = field(default_factory=dict)
    baseline: str | None = None
    run: str = ""
    identity: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    training: TrainingRecord | None = None


@dataclass(frozen=True, slots=True)
class ContestantResult:
    """Every figure of one contestant.

    Attributes:
        name: What tables call it; unique in a comparison.
        run: Its run's directory name.
        identity: What may change its completions.
        environment: Where they were made.
        cases: How many cases were judged.
        waived: How many of them count in no metric.
        causes: How many completions failed from each cause.
        figures: Its score on each metric, by the metric's id.
        differences: Each primary metric compared with the baseline, by the metric's id; empty without a baseline.
        baseline: Name of the contestant that it is compared with.
        unfair: In what the two sides differ beyond the candidate.
        training: How its weights were made, where a record says so.
        unproven: Why it is not known that its adapter belongs to this base; empty where that is proven.
    """

    name: str
    run: str
    identity: Mapping[str, Any]
    environment: Mapping[str, Any]
    cases: int
    waived: int
    causes: Mapping[Cause, int]
    figures: Mapping[str, Figure]
    differences: Mapping[str, Difference] = field(default_factory=dict)
    baseline: str | None = None
    unfair: tuple[Mismatch, ...] = ()
    training: TrainingRecord | None = None
    unproven: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All contestants in the order shown, and all metrics, primary ones first.

    Attributes:
        contestants: In the order shown.
        metrics: In the order shown.
        margin: Half-width of the range around 0 in which a difference does not matter, as a share.
        report: What a report shows beside the figures; None where it was not asked for.
    """

    contestants: tuple[ContestantResult, ...]
    metrics: tuple[MetricInfo, ...]
    margin: float = MARGIN
    report: ReportData | None = None

    def __getitem__(self, name: str) -> ContestantResult:
        """The contestant of this name. Raises `KeyError`."""
        for contestant in self.contestants:
            if contestant.name == name:
                return contestant
        raise KeyError(name)

    @property
    def primary(self) -> tuple[MetricInfo, ...]:
        """The metrics that carry verdicts."""
        return tuple(metric for metric in self.metrics if metric.level == "primary")

    @property
    def compared(self) -> tuple[ContestantResult, ...]:
        """The contestants that have a baseline."""
        return tuple(contestant for contestant in self.contestants if contestant.baseline is not None)

    def baseline_of(self, contestant: ContestantResult) -> ContestantResult | None:
        """The contestant that another is compared with."""
        return None if contestant.baseline is None else self[contestant.baseline]

    def position(self, name: str) -> int:
        """Place of a contestant in the order shown, from 0: its colour in figures. Raises `KeyError`."""
        return [contestant.name for contestant in self.contestants].index(self[name].name)


def _balanced(figures: Mapping[str, Figure]) -> Figure:
    recall, restraint = figures["timing.recall"], figures["timing.restraint"]
    if recall.score is None or restraint.score is None or recall.interval is None or restraint.interval is None:
        return Figure(0)
    score, interval = balanced(recall.score, recall.interval, restraint.score, restraint.interval)
    return Figure(recall.n + restraint.n, score, interval)


def _differences(sides: Mapping[str, Side], margin: float) -> Mapping[str, Mapping[str, Difference]]:
    """By name of the side, the difference of every primary metric; only sides with a baseline are in it."""
    paired: dict[str, dict[str, Paired]] = {}
    for side in sides.values():
        if side.baseline is not None:
            base = sides[side.baseline]
            same = _identical(base.completions, side.completions)
            paired[side.name] = {
                metric.id: pair(case_values(metric, base.grades), case_values(metric, side.grades), identical=same)
                for metric in PRIMARY
            }
    return dict(zip(paired, decide(list(paired.values()), margin), strict=True))


def _identical(base: Completions, candidate: Completions) -> bool:
    common = base.keys() & candidate.keys()
    return bool(common) and all(
        base[key].text == candidate[key].text and base[key].tool_calls == candidate[key].tool_calls for key in common
    )


def compare_sides(sides: Sequence[Side], margin: float = MARGIN, report: ReportData | None = None) -> Comparison:
    """Compute every figure of the contestants.

    Args:
        sides: One a contestant, in the order shown; names are unique.
        margin: Half-width of the range around 0 in which a difference does not matter, as a share.
        report: What a report shows beside the figures.
    """
    metrics = metrics_for(grade for side in sides for grade in side.grades)
    by_name = {side.name: side for side in sides}
    differences = _differences(by_name, margin)
    contestants = []
    for side in sides:
        figures = {metric.id: figure_of(metric, side.grades) for metric in metrics}
        base = None if side.baseline is None else by_name[side.baseline]
        counted = [grade for grade in side.grades if grade.waived is None]
        contestants.append(
            ContestantResult(
                name=side.name,
                run=side.run,
                identity=side.identity,
                environment=side.environment,
                cases=len({grade.case_id for grade in side.grades}),
                waived=len({grade.case_id for grade in side.grades if grade.waived is not None}),
                causes=Counter(grade.cause for grade in counted if grade.cause is not None),
                figures={**figures, BALANCED.id: _balanced(figures)},
                differences=differences.get(side.name, {}),
                baseline=side.baseline,
                unfair=() if base is None else mismatches(_asked(base), _asked(side)),
                training=side.training,
                unproven=unproven_base(side.identity, side.training),
            )
        )
    shown = [metric.info for metric in metrics]
    shown.insert(len(PRIMARY), BALANCED)
    return Comparison(tuple(contestants), tuple(shown), margin, report)


def _asked(side: Side) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return side.identity, side.environment
