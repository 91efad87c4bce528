"""Counts how often equal candidates get the verdict `regressed` or `improved`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studies.draws import CHUNK, CLUSTER_SIZE, Truth, cluster_names, draw
from toolmark.benchmark.verdicts.holm import holm
from toolmark.benchmark.verdicts.signflip import sign_flip_tail
from toolmark.benchmark.verdicts.verdict import LEVEL, Paired, decide

ADAPTERS, METRICS = 8, 6
_CHECKED = 2
"""Number of comparisons per setting that are also judged by `decide`, to check the fast code of this module."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """Shares of comparisons with a false alarm.

    Attributes:
        n: Cases of each metric.
        truth: The true state of each metric.
        comparisons: Number of random comparisons, each of eight adapters.
        regressed_one: Share with a regressed metric, if only the first adapter is compared.
        regressed_each: Share with a regressed metric of an adapter. Mean over the eight adapters.
        regressed_any: Share with a regressed metric of at least one of the eight adapters. This share can exceed 5%.
        improved_one: Share with an improved metric, if only the first adapter is compared.
        improved_eight: Share with an improved metric of at least one of the eight adapters.
    """

    n: int
    truth: Truth
    comparisons: int
    regressed_one: float
    regressed_each: float
    regressed_any: float
    improved_one: float
    improved_eight: float


def p_values(sums: NDArray[np.int8]) -> NDArray[np.float64]:
    """Compute the p-values of cluster sums. An array of shape (…, G) gives p-values of shape (…).

    To save time, each combination of counts is computed only once. If the total is within one standard deviation of 0,
    the function returns p = 1. In this case, the true p is above 1/10 (Oleszkiewicz 1996, Probab. Math. Statist.
    16:127), so a test at 5% has the same result.
    """
    largest = CLUSTER_SIZE
    sizes = np.abs(sums)
    counts = np.stack([(sizes == size).sum(-1, dtype=np.int64) for size in range(1, largest + 1)], axis=-1)
    totals = np.abs(sums.sum(-1, dtype=np.int64))
    far = totals**2 > counts @ np.arange(1, largest + 1) ** 2
    found = np.ones(totals.shape)
    rows, which = np.unique(np.column_stack([counts[far], totals[far]]), axis=0, return_inverse=True)
    exact = np.empty(len(rows))
    for index, row in enumerate(rows.tolist()):
        magnitudes = tuple((size, count) for size, count in enumerate(row[:largest], start=1) if count)
        exact[index] = sign_flip_tail(magnitudes, row[largest])
    found[far] = exact[which.reshape(-1)]
    return found


def _rejected(p: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which tests are rejected, as an array of shape (families, tests)."""
    found = np.zeros(p.shape, dtype=bool)
    # If Holm does not reject the smallest p-value of a family, it rejects no test of this family.
    for family in np.flatnonzero(p.min(-1) * p.shape[-1] <= LEVEL):
        found[family] = np.array(holm(p[family].tolist())) <= LEVEL
    return found


def _check(differences: NDArray[np.int8], names: tuple[str, ...], regressed: NDArray[np.bool_]) -> None:
    """Check that `decide` gives the same verdicts as the fast code of this module."""
    ids = tuple(str(index) for index in range(differences.shape[-1]))
    metrics = [
        {str(metric): Paired(ids, tuple(row.astype(float).tolist()), names) for metric, row in enumerate(adapter)}
        for adapter in differences
    ]
    for adapter, verdicts in enumerate(decide(metrics)):
        seen = [verdicts[str(metric)].verdict == "regressed" for metric in range(METRICS)]
        if seen != regressed[adapter].tolist():
            raise AssertionError(f"decide() gives {seen}, but the study gives {regressed[adapter].tolist()}")


def alarms(n: int, truth: Truth, comparisons: int) -> Alarms:
    """Compare equal candidates many times, and count the false alarms."""
    random = np.random.default_rng([n, round(1000 * truth.discordance), round(1000 * truth.correlation)])
    names = cluster_names(n, truth.correlation)
    counted = np.zeros(5)
    checked = 0
    for _ in range(comparisons // CHUNK):
        differences = draw(random, truth, CHUNK, ADAPTERS, METRICS, n)
        sums = differences
        if truth.correlation:
            sums = differences.reshape(*differences.shape[:-1], -1, CLUSTER_SIZE).sum(-1, dtype=np.int8)
        p = p_values(sums)
        lower = sums.sum(-1, dtype=np.int64) < 0
        adapters = _rejected(p.reshape(-1, METRICS)).reshape(p.shape)
        regressed = adapters & lower
        hit = regressed.any(-1)
        improved = _rejected(p.reshape(CHUNK, -1)).reshape(p.shape) & ~lower
        counted += [
            hit[:, 0].sum(),
            hit.mean(-1).sum(),
            hit.any(-1).sum(),
            (adapters[:, 0] & ~lower[:, 0]).any(-1).sum(),
            improved.any((-1, -2)).sum(),
        ]
        for index in np.flatnonzero(hit.any(-1))[: _CHECKED - checked]:
            _check(differences[index], names, regressed[index])
            checked += 1
    return Alarms(n, truth, comparisons, *(counted / comparisons).tolist())
