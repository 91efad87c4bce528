"""Computes verdicts from paired differences: `regressed`, `improved`, `equivalent` or `inconclusive`.

All verdicts of a comparison are computed together, because Holm's correction depends on the number of tests in a
family. There are two kinds of families:

    tests for      family                          reason
    a regression   the metrics of one candidate    an additional candidate must not hide a regression
    improvements   the metrics of all candidates   with more candidates, a chance improvement is more likely
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from toolmark.benchmark.scoring.metrics import CaseValue
from toolmark.benchmark.verdicts.holm import holm
from toolmark.benchmark.verdicts.intervals import Interval, difference_interval
from toolmark.benchmark.verdicts.power import minimum_detectable_effect_of_clusters
from toolmark.benchmark.verdicts.signflip import cluster_sums, sign_flip

__all__ = [
    "LEAST_OVERLAP",
    "LEVEL",
    "MARGIN",
    "Difference",
    "Paired",
    "Tested",
    "Verdict",
    "WithP",
    "adjust",
    "decide",
    "judge",
    "nothing_in_common",
    "overlap_of",
    "pair",
    "verdict_of",
]

LEVEL = 0.05
"""Family-wise level of the tests: the probability of any false rejection in a family."""

MARGIN = 0.05
"""Default margin: differences within ±5 points count as equivalent."""

LEAST_OVERLAP = 0.95
"""Both sides must have at least this share of their cases in common. Otherwise the verdict is `inconclusive`."""

Verdict = Literal["regressed", "improved", "equivalent", "inconclusive", "missing"]
"""A verdict. `missing` means that only one side has cases that count in the metric. A check then fails."""


@dataclass(frozen=True, slots=True)
class Paired:
    """The values of one metric on the cases for which both sides have a value.

    Attributes:
        case_ids: Ids of the cases for which both sides have a value, shape (n,).
        differences: Value of the candidate minus value of the base, in [-1, 1], shape (n,).
        clusters: The cluster of each case, shape (n,).
        only_base: Ids of the cases for which only the base has a value.
        only_candidate: Ids of the cases for which only the candidate has a value.
        identical: Whether both sides gave identical completions for these cases.
    """

    case_ids: tuple[str, ...]
    differences: tuple[float, ...]
    clusters: tuple[str, ...]
    only_base: tuple[str, ...] = ()
    only_candidate: tuple[str, ...] = ()
    identical: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of one metric between a candidate and its base. If n is 0, the figures are None.

    Attributes:
        n: Number of cases for which both sides have a value.
        effect: Mean difference, candidate minus base.
        interval: 95% interval of the mean difference, not corrected for the number of metrics.
        p: p-value of the sign-flip test, without correction.
        adjusted: p-value with Holm's correction. If the effect is below 0, the family of tests for a regression is
            used. Otherwise, the family of tests for an improvement is used.
        won: Ids of the cases in which the candidate has a higher value than the base, in the order of the cases.
        lost: Ids of the cases in which the candidate has a lower value than the base, in the order of the cases.
        ties: Number of cases with the same value on both sides.
        minimum_detectable: Minimum detectable effect at 80% power, without correction. None if no effect is detectable.
        within_margin: Whether the 90% interval lies inside ±margin, or the completions are identical and no value
            differs. This can also be true with `regressed` and `improved`.
        only_base: Number of cases for which only the base has a value.
        only_candidate: Number of cases for which only the candidate has a value.
        verdict: The first of `missing`, `regressed`, `improved`, `equivalent` and `inconclusive` that applies. If the
            sides have fewer than 95% of the cases in common, it is `inconclusive`.
        reason: Why the verdict is `missing` or `inconclusive`. Empty if the figures show the reason.
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
        """Return the number of cases with a higher value than the base."""
        return len(self.won)

    @property
    def losses(self) -> int:
        """Return the number of cases with a lower value than the base."""
        return len(self.lost)


def pair(base: Sequence[CaseValue], candidate: Sequence[CaseValue], *, identical: bool = False) -> Paired:
    """Return the paired values of a metric on the cases that both sides have, in the order of the base.

    Args:
        base: The values of the base.
        candidate: The values of the candidate.
        identical: Whether both sides gave identical completions.
    """
    values = {case.case_id: case.value for case in candidate}
    base_ids = {case.case_id for case in base}
    common = [case for case in base if case.case_id in values]
    return Paired(
        tuple(case.case_id for case in common),
        tuple(values[case.case_id] - case.value for case in common),
        tuple(case.cluster for case in common),
        tuple(case.case_id for case in base if case.case_id not in values),
        tuple(case_id for case_id in values if case_id not in base_ids),
        identical,
    )


@dataclass(frozen=True, slots=True)
class Tested:
    """The figures of one metric of one candidate that are computed without the other metrics.

    Attributes:
        paired: The cases.
        gains: For each case, how much better the candidate is, shape (n,).
        effect: The difference of the metric.
        p: Two-sided p-value, without correction.
        minimum_detectable: The effect that the test detects with a power of 80%. None if no effect is detectable.
        wide: 95% interval of the difference.
        narrow: 90% interval of the difference.
    """

    paired: Paired
    gains: Sequence[float]
    effect: float
    p: float
    minimum_detectable: float | None
    wide: Interval
    narrow: Interval


class WithP(Protocol):
    """A test of a difference."""

    @property
    def effect(self) -> float:
        """Return the difference, candidate minus base."""
        ...

    @property
    def p(self) -> float:
        """Return the two-sided p-value, without correction."""
        ...


def _test(paired: Paired) -> Tested:
    sums = cluster_sums(paired.differences, paired.clusters)
    n = len(paired.differences)
    wide, narrow = (difference_interval(paired.differences, paired.clusters, level) for level in (0.95, 0.90))
    detectable = minimum_detectable_effect_of_clusters(sums, n)
    return Tested(paired, paired.differences, float(sum(sums)) / n, sign_flip(sums), detectable, wide, narrow)


def adjust(candidates: Sequence[Mapping[str, WithP]]) -> list[dict[str, float]]:
    """Return the p-values with Holm's correction, in the families at the top of this module.

    Args:
        candidates: The tests of each candidate by metric.

    Returns:
        The adjusted p-values of each candidate by metric, in the order of `candidates`.
    """
    every = [(index, metric) for index, tests in enumerate(candidates) for metric in tests]
    improved = dict(zip(every, holm([candidates[index][metric].p for index, metric in every]), strict=True))
    found = []
    for index, tests in enumerate(candidates):
        regressed = dict(zip(tests, holm([one.p for one in tests.values()]), strict=True))
        found.append(
            {name: regressed[name] if one.effect < 0 else improved[index, name] for name, one in tests.items()}
        )
    return found


def overlap_of(metrics: Sequence[Paired]) -> float:
    """Return the share of all cases of these metrics that both sides have. If there is no case, return 1."""
    common = {case_id for paired in metrics for case_id in paired.case_ids}
    alone = {case_id for paired in metrics for case_id in (*paired.only_base, *paired.only_candidate)}
    return len(common) / len(common | alone) if common or alone else 1.0


def nothing_in_common(paired: Paired) -> Difference:
    """Return the difference for a metric without a common case.

    The verdict is `missing` if only one side has cases, and otherwise `inconclusive`.
    """
    alone = (len(paired.only_base), len(paired.only_candidate))
    verdict: Verdict = "inconclusive" if all(alone) or not any(alone) else "missing"
    if verdict == "missing":
        reason = f"only the {'base' if alone[0] else 'candidate'} has a case that counts in this metric"
    else:
        reason = "the two sides have no case in common" if any(alone) else "this metric has no case"
    return Difference(0, None, None, None, None, (), (), 0, None, False, *alone, verdict, reason)


def verdict_of(effect: float, adjusted: float, *, within: bool, overlap: float) -> tuple[Verdict, str]:
    """Return a verdict, and the reason if the sides have too few cases in common.

    Args:
        effect: Mean difference, candidate minus base.
        adjusted: The adjusted p-value.
        within: Whether the difference is within the margin.
        overlap: The share of the cases that both sides have.
    """
    if overlap < LEAST_OVERLAP:
        return "inconclusive", f"the two sides have only {overlap:.1%} of their cases in common"
    if adjusted <= LEVEL:
        return ("regressed" if effect < 0 else "improved"), ""
    return ("equivalent" if within else "inconclusive"), ""


def judge(tested: Tested, adjusted: float, margin: float, overlap: float) -> Difference:
    """Return a difference with its verdict.

    Args:
        tested: The figures of the metric.
        adjusted: The adjusted p-value.
        margin: Differences between -margin and +margin count as equivalent.
        overlap: The share of the cases that both sides have.
    """
    paired, effect = tested.paired, tested.effect
    # Identical completions can have different grades, for example if the two sides were recorded in other dialects.
    unchanged = paired.identical and not any(tested.gains)
    within = unchanged or tested.narrow.inside(margin)
    verdict, reason = verdict_of(effect, adjusted, within=within, overlap=overlap)
    signed = list(zip(paired.case_ids, tested.gains, strict=True))
    won = tuple(case_id for case_id, gain in signed if gain > 0)
    lost = tuple(case_id for case_id, gain in signed if gain < 0)
    return Difference(
        n=len(signed),
        effect=effect,
        interval=tested.wide,
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
    """Return all differences of a comparison, with their verdicts.

    A metric without a common case is in no family of tests. Both sides must have 95% of their cases in common:

    - If the share over all metrics of a candidate is below 95%, every metric of this candidate is `inconclusive`.
    - If the share in one metric is below 95%, this metric is `inconclusive`. The test of this metric still counts in
      Holm's correction.

    Args:
        candidates: For each candidate, the paired values of its primary metrics, by id of the metric.
        margin: Differences between -margin and +margin count as equivalent. 0.05 means 5 points.

    Returns:
        The differences of each candidate, by metric. Candidates and metrics are in the same order as in `candidates`.
    """
    tested = [
        {metric: _test(paired) for metric, paired in metrics.items() if paired.differences} for metrics in candidates
    ]
    verdicts = []
    for metrics, tests, adjusted in zip(candidates, tested, adjust(tested), strict=True):
        overlap = overlap_of(list(metrics.values()))
        verdicts.append(
            {
                metric: judge(tests[metric], adjusted[metric], margin, min(overlap, overlap_of([paired])))
                if metric in tests
                else nothing_in_common(paired)
                for metric, paired in metrics.items()
            }
        )
    return tuple(verdicts)
