"""Measures the interval and the test of a difference of two areas, on random comparisons with known true areas.

The program writes docs/measurements/timing-curves.md. It fails if a target is missed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from studies.page import Page, drawn
from toolmark.benchmark.scoring.call_scores import CallScore
from toolmark.benchmark.verdicts.auroc import area_difference
from toolmark.benchmark.verdicts.verdict import LEVEL

__all__ = ["AREAS", "AreaErrors", "AreaTruth", "area_errors", "random_scores"]

OUT = Path(__file__).parents[1] / "docs" / "measurements" / "timing-curves.md"

HEAD = """# Errors of the comparison of timing curves

Written by `make perf`. The program simulates random comparisons of two candidates whose true areas under the timing
curve are known. It then counts how often the interval and the test of `timing.auroc` are wrong. All random numbers are
seeded. These words and signs are used in the tables:

- **±**: The number after "±" is two standard errors.
- **Unit**: In rows with the unit "clusters", each cluster has four related cases. In two of them, a call is right. In
  the other two, abstaining is right. Scores of cases in the same cluster have a correlation of 0.4. In rows with the
  unit "cases", each cluster has one case.
- **Ties**: In rows with ties, the scores are rounded, so many cases have equal scores.
- **Coverage**: The share of comparisons in which the 95% interval contains the true difference.

In half of the cases, a call is right. The scores of the two candidates in one case have a correlation of 0.6.
"""

COMPARISONS = {200: 2000, 1000: 600}
"""Number of comparisons for each number of cases."""

CLUSTER_SIZE = 4
_STEPS = 10
"""With ties, every score is rounded to one of about this number of values."""
_LARGE = 400_000


@dataclass(frozen=True, slots=True)
class AreaTruth:
    """The true state of two sides. Scores are normal, and calls have a higher mean than abstentions.

    Attributes:
        n: Number of cases. In half of them, a call is right.
        base: Distance between the mean of calls and the mean of abstentions, for the base. In standard deviations.
        candidate: The same for the candidate.
        sides: Correlation of the two sides in one case.
        clusters: Correlation of two cases of one cluster. With 0, every cluster is one case. Otherwise, a cluster has
            four cases. In two of them, a call is right.
        ties: Whether scores are rounded, so that there are many ties.
    """

    n: int
    base: float
    candidate: float
    sides: float = 0.6
    clusters: float = 0.0
    ties: bool = False


@dataclass(frozen=True, slots=True)
class AreaErrors:
    """How often the interval contains the true difference, and how often the test rejects.

    Attributes:
        truth: The true state.
        effect: The true difference of the areas.
        coverage: Share of the 95% intervals that contain the true difference.
        rejected: Share of the comparisons with p at most 5%. If the true difference is 0, these are false alarms.
        comparisons: Number of comparisons.
    """

    truth: AreaTruth
    effect: float
    coverage: float
    rejected: float
    comparisons: int


AREAS = tuple(
    AreaTruth(n, base, candidate, clusters=clusters, ties=ties)
    for n in (200, 1000)
    for base, candidate in ((1.0, 1.0), (2.0, 2.0), (1.0, 1.5), (1.5, 2.5))
    for clusters in (0.0, 0.4)
    for ties in (False, True)
)


def _draw(random: np.random.Generator, truth: AreaTruth, n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return random scores of both sides, shape (2, n), and whether a call is right, shape (n,)."""
    right = np.arange(n) % 2 == 0
    groups = np.arange(n) // (CLUSTER_SIZE if truth.clusters else 1)

    def noise(size: int) -> NDArray[np.float64]:
        shared, own = random.standard_normal(size), random.standard_normal((2, size))
        return math.sqrt(truth.sides) * shared + math.sqrt(1 - truth.sides) * own

    scores = math.sqrt(1 - truth.clusters) * noise(n)
    if truth.clusters:
        scores += math.sqrt(truth.clusters) * noise(int(groups[-1]) + 1)[:, groups]
    scores += np.array([[truth.base], [truth.candidate]]) * right
    if truth.ties:
        scores = np.round(scores * _STEPS / 6) / _STEPS * 6
    return scores, right


def random_scores(random: np.random.Generator, truth: AreaTruth) -> tuple[list[CallScore], list[CallScore]]:
    """Return random scores of the base and of the candidate."""
    scores, right = _draw(random, truth, truth.n)
    size = CLUSTER_SIZE if truth.clusters else 1
    base, candidate = (
        [CallScore(str(case), str(case // size), bool(right[case]), value) for case, value in enumerate(side.tolist())]
        for side in scores
    )
    return base, candidate


def _area(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    calls, others = np.sort(scores[right]), np.sort(scores[~right])
    below = (np.searchsorted(others, calls, "left") + np.searchsorted(others, calls, "right")) / 2
    return float(below.mean() / len(others))


def area_errors(truth: AreaTruth, comparisons: int) -> AreaErrors:
    """Count errors over random comparisons. The true difference with ties is estimated from a large sample."""
    effect = 0.0
    if truth.base != truth.candidate:
        large, right = _draw(np.random.default_rng(1), truth, _LARGE)
        effect = _area(large[1], right) - _area(large[0], right)
    random = np.random.default_rng(AREAS.index(truth) if truth in AREAS else len(AREAS))
    covered = rejected = 0
    for _ in range(comparisons):
        found = area_difference(*random_scores(random, truth))
        interval = found.interval()
        covered += interval.low <= effect <= interval.high
        rejected += found.p <= LEVEL
    return AreaErrors(truth, effect, covered / comparisons, rejected / comparisons, comparisons)


def _row(found: AreaErrors) -> list[str]:
    truth = found.truth
    return [
        str(truth.n),
        "clusters" if truth.clusters else "cases",
        "yes" if truth.ties else "no",
        f"{found.effect * 100:+.1f}",
        drawn(found.coverage, found.comparisons),
        drawn(found.rejected, found.comparisons),
    ]


def _pooled(shares: Sequence[float], comparisons: int) -> tuple[float, float]:
    """Return the mean of shares that have the same number of comparisons, and twice its standard error."""
    mean = sum(shares) / len(shares)
    return mean, 2 * math.sqrt(mean * (1 - mean) / comparisons / len(shares))


def page(found: Sequence[AreaErrors]) -> Page:
    """Return the page with the measured errors."""
    made = Page(HEAD)
    columns = ("n", "unit", "ties", "true difference, points", "coverage")
    equal, different = ([one for one in found if (one.effect == 0) == kind] for kind in (True, False))
    made.section(
        "Equal candidates",
        "Both candidates have the same true area. A p-value of at most 5% is a false alarm.",
        (*columns, "false alarms"),
        map(_row, equal),
    )
    made.section(
        "Different candidates",
        "The candidate has a larger true area than the base. The last column is the power of the test at 5%.",
        (*columns, "power"),
        map(_row, different),
    )
    for n, comparisons in COMPARISONS.items():
        covered, error = _pooled([one.coverage for one in found if one.truth.n == n], comparisons)
        measured = f"{covered:.1%} ± {error * 100:.1f} of all intervals with n = {n}"
        made.held(covered >= 0.94, "At least 94% of the intervals must contain the true difference", measured)
        alarms, error = _pooled([one.rejected for one in equal if one.truth.n == n], comparisons)
        target = "The share of false alarms must be at most 5% plus two standard errors"
        made.held(alarms <= 0.05 + error, target, f"{alarms:.1%} ± {error * 100:.1f} with n = {n}")
    return made


def main() -> None:
    """Measure all errors, and write the page."""
    made = page([area_errors(truth, COMPARISONS[truth.n]) for truth in AREAS])
    made.finish(OUT)


if __name__ == "__main__":
    main()
