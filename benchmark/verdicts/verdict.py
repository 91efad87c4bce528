"""From paired differences to `regressed`, `improved`, `equivalent` or `inconclusive`.

All verdicts of a comparison are reached at once, since a verdict depends on how many others were tried beside it. A
regression is looked for among the metrics of one candidate, so that more candidates never hide it. An improvement is
looked for among the metrics of all candidates, so that the best of many is not celebrated for its luck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from toolmark.benchmark.scoring.metrics import CaseValue
from toolmark.benchmark.verdicts.holm import holm
from toolmark.benchmark.verdicts.intervals import Interval, difference_interval
from toolmark.benchmark.verdicts.power import minimum_detectable_effect_of_groups
from toolmark.benchmark.verdicts.signflip import group_sums, sign_flip

__all__ = ["LEAST_OVERLAP", "LEVEL", "MARGIN", "Difference", "Paired", "Verdict", "decide", "pair"]

LEVEL = 0.05
"""Family-wise."""

MARGIN = 0.05
"""Default size of a difference that does not matter."""

LEAST_OVERLAP = 0.95
"""Share of the cases of either side that both must have."""

Verdict = Literal["regressed", "improved", "equivalent", "inconclusive", "missing"]
"""`missing`: a metric that one side alone has, which is a failure."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Both sides of one metric.

    Attributes:
        case_ids: Cases that count on both sides, shape (n,).
        differences: Candidate less base, in [-1, 1], shape (n,).
        clusters: The group of each case, shape (n,).
        only_base: Cases that count on the base's side alone.
        only_candidate: Cases that count on the candidate's side alone.
        identical: Both sides gave the very same completions for these cases.
    """

    case_ids: tuple[str, ...]
    differences: tuple[float, ...]
    clusters: tuple[str, ...]
    only_base: tuple[str, ...] = ()
    only_candidate: tuple[str, ...] = ()
    identical: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """What one metric says of a candidate beside its base. With n = 0 there is no figure.

    Attributes:
        n: Cases on both sides.
        effect: Mean difference, candidate less base.
        interval: Its 95% interval, uncorrected.
        p: Of the sign-flip test.
        adjusted: p by Holm, in the family of a regression where the effect is below 0, of an improvement otherwise.
        won: Cases better than the base's, by id, in the order of the cases.
        lost: Cases worse than the base's.
        ties: Cases that neither won.
        minimum_detectable: Smallest effect detectable at 80% power, uncorrected; None where no effect is.
        within_margin: The 90% interval lies inside the margin, or the completions are identical. Holds beside any
            verdict.
        only_base: Cases that count on the base's side alone.
        only_candidate: Cases that count on the candidate's side alone.
        verdict: The first of `missing`, `regressed`, `improved`, `equivalent`, `inconclusive` that holds.
        reason: Why there is no verdict, where the figures do not say it.
    """

    n: int
    effect: float | None
    interval: Interval | None
    p: float | None
    adjusted: float | None
    won: tuple[str, ...]
    lost: tuple[str, ...]
    ties: int
    minimum_detectable: float | None
    within_margin: bool
    only_base: int
    only_candidate: int
    verdict: Verdict
    reason: str = ""

    @property
    def wins(self) -> int:
        """How many cases were won."""
        return len(self.won)

    @property
    def losses(self) -> int:
        """How many cases were lost."""
        return len(self.lost)


def pair(base: Sequence[CaseValue], candidate: Sequence[CaseValue], *, identical: bool = False) -> Paired:
    """Pair two sides of a metric on their common cases, in the base's order."""
    values = {case.case_id: case.value for case in candidate}
    known = {case.case_id for case in base}
    common = [case for case in base if case.case_id in values]
    return Paired(
        tuple(case.case_id for case in common),
        tuple(values[case.case_id] - case.value for case in common),
        tuple(case.cluster for case in common),
        tuple(case.case_id for case in base if case.case_id not in values),
        tuple(case_id for case_id in values if case_id not in known),
        identical,
    )


@dataclass(frozen=True, slots=True)
class _Tested:
    """Everything about one metric of one candidate that needs no other metric."""

    paired: Paired
    effect: float
    p: float
    minimum_detectable: float | None


def _test(paired: Paired) -> _Tested:
    sums = group_sums(paired.differences, paired.clusters)
    n = len(paired.differences)
    return _Tested(paired, float(sum(sums)) / n, sign_flip(sums), minimum_detectable_effect_of_groups(sums, n))


def _overlap(metrics: Sequence[Paired]) -> float:
    """Share of the cases of either side that both have, over all these metrics; 1 where there is no case."""
    common = {case_id for paired in metrics for case_id in paired.case_ids}
    alone = {case_id for paired in metrics for case_id in (*paired.only_base, *paired.only_candidate)}
    return len(common) / len(common | alone) if common or alone else 1.0


def _empty(paired: Paired) -> Difference:
    """A metric without a common case: one that a single side has is a failure, whatever else was found."""
    alone = (len(paired.only_base), len(paired.only_candidate))
    verdict: Verdict = "inconclusive" if all(alone) or not any(alone) else "missing"
    if verdict == "missing":
        reason = f"only the {'base' if alone[0] else 'candidate'} has a case that counts in it"
    else:
        reason = "the sides have no case in common" if any(alone) else "no case counts in it"
    return Difference(0, None, None, None, None, (), (), 0, None, False, *alone, verdict, reason)


def _judge(tested: _Tested, adjusted: float, margin: float, overlap: float) -> Difference:
    paired, effect = tested.paired, tested.effect
    narrow = difference_interval(paired.differences, paired.clusters, 0.90)
    within = paired.identical or (-margin <= narrow.low and narrow.high <= margin)
    verdict: Verdict = "inconclusive"
    reason = ""
    if overlap < LEAST_OVERLAP:
        reason = f"the sides have only {overlap:.1%} of their cases in common"
    elif adjusted <= LEVEL:
        verdict = "regressed" if effect < 0 else "improved"
    elif within:
        verdict = "equivalent"
    signed = list(zip(paired.case_ids, paired.differences, strict=True))
    won = tuple(case_id for case_id, difference in signed if difference > 0)
    lost = tuple(case_id for case_id, difference in signed if difference < 0)
    return Difference(
        n=len(signed),
        effect=effect,
        interval=difference_interval(paired.differences, paired.clusters),
        p=tested.p,
        adjusted=adjusted,
        won=won,
        lost=lost,
        ties=len(signed) - len(won) - len(lost),
        minimum_detectable=tested.minimum_detectable,
        within_margin=within,
        only_base=len(paired.only_base),
        only_candidate=len(paired.only_candidate),
        verdict=verdict,
        reason=reason,
    )


def decide(candidates: Sequence[Mapping[str, Paired]], margin: float = MARGIN) -> tuple[dict[str, Difference], ...]:
    """Reach all verdicts of a comparison.

    Families are of tests that were made: a metric without a common case is in none. The sides must share 95% of their
    cases, over all metrics of a candidate and within each: below it over all, no metric of the candidate gets a
    verdict; below it in one, that metric gets none, but stays in its families.

    Args:
        candidates: Per candidate its primary metrics, by id. All were compared with the same base.
        margin: Half-width of the range around 0 in which a difference does not matter.

    Returns:
        Per candidate, in the same order, what each metric says, in the order of its metrics.
    """
    tested = [
        {metric: _test(paired) for metric, paired in metrics.items() if paired.differences} for metrics in candidates
    ]
    everything = [(index, metric) for index, metrics in enumerate(tested) for metric in metrics]
    adjusted = holm([tested[index][metric].p for index, metric in everything])
    improved = dict(zip(everything, adjusted, strict=True))
    verdicts = []
    for index, metrics in enumerate(candidates):
        regressed = dict(zip(tested[index], holm([test.p for test in tested[index].values()]), strict=True))
        overlap = _overlap(list(metrics.values()))
        found: dict[str, Difference] = {}
        for metric, paired in metrics.items():
            test = tested[index].get(metric)
            if test is None:
                found[metric] = _empty(paired)
                continue
            family = regressed[metric] if test.effect < 0 else improved[index, metric]
            found[metric] = _judge(test, family, margin, min(overlap, _overlap([paired])))
        verdicts.append(found)
    return tuple(verdicts)
