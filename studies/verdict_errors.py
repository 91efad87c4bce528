"""Measures how often verdicts and intervals are wrong, and writes docs/measurements/statistics.md.

The program fails if a target is missed. It calls the functions of Toolmark on random comparisons with known true
scores. The exact power is computed separately. All random numbers are seeded, so the page is the same each time.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from studies.coverage import (
    Covered,
    Overlooked,
    Wilson,
    cluster_coverage,
    overlooked,
    paired_coverage,
    tango_coverage,
    wilson_coverage,
)
from studies.draws import CHUNK, Truth
from studies.false_alarms import Alarms, alarms
from studies.page import Page, drawn, percent
from studies.power import Detectable, Power, detectable, power
from toolmark.benchmark.verdicts.verdict import MARGIN

OUT = Path(__file__).parents[1] / "docs" / "measurements" / "statistics.md"

SIZES = (200, 400, 1000)
DISCORDANCES = (0.02, 0.10, 0.30)
DROPS = (0.03, 0.05, 0.10, 0.20)
CORRELATION = 0.3

HEAD = """# Errors of verdicts and intervals

Written by `make perf`. The program simulates random comparisons of candidates with known true scores. It then counts
how often the verdicts and intervals of Toolmark are wrong. All random numbers are seeded. The tables use these words:

- **n**: the number of cases.
- **unit**: A cluster is a group of related cases. In rows with the unit "clusters", each cluster has four cases, whose
  differences have a correlation of 0.3. In rows with the unit "cases", each cluster has one case.
- **discordance**: the share of cases that only one of the two candidates answers correctly.
- **coverage**: the share of comparisons in which an interval contains the true value.
- **±**: The number after "±" is two standard errors. A coverage without "±" is exact.
"""


def unit(truth: Truth) -> str:
    """Return the label of the unit, `clusters` or `cases`."""
    return "clusters" if truth.correlation else "cases"


def write_alarms(page: Page, found: Sequence[Alarms]) -> None:
    """Write the section on equal candidates."""
    page.section(
        "Equal candidates",
        "In these comparisons, base and adapters are equally good. So every `regressed` or `improved` is a false "
        "alarm. A comparison has six correlated metrics, and one or eight adapters of the same base. The table shows "
        "the share of comparisons with a false alarm in at least one metric. This share should be at most 5%:\n\n"
        "- **regressed**: The target is for each single adapter. The column `(regressed: any of 8)` has no target. It "
        "shows the share of comparisons in which at least one of the eight adapters has a false `regressed`.\n"
        "- **improved**: The target is for all adapters together. A comparison counts if at least one adapter has a "
        "false `improved`.",
        [
            "n",
            "discordance",
            "unit",
            "regressed: 1 adapter",
            "regressed: each of 8",
            "(regressed: any of 8)",
            "improved: 1 adapter",
            "improved: any of 8",
        ],
        [
            [
                str(row.n),
                percent(row.truth.discordance, 0),
                unit(row.truth),
                drawn(row.regressed_one, row.comparisons),
                # The eight adapters share a base, so they are not independent. The standard error counts them as one.
                drawn(row.regressed_each, row.comparisons),
                percent(row.regressed_any),
                drawn(row.improved_one, row.comparisons),
                drawn(row.improved_eight, row.comparisons),
            ]
            for row in found
        ],
    )
    regressed = max(max(row.regressed_one, row.regressed_each) for row in found)
    improved = max(max(row.improved_one, row.improved_eight) for row in found)
    page.held(
        regressed <= 0.05,
        "A false `regressed` must occur in at most 5% of comparisons",
        f"at most {percent(regressed)}",
    )
    page.held(
        improved <= 0.05, "A false `improved` must occur in at most 5% of comparisons", f"at most {percent(improved)}"
    )


def write_power(page: Page, found: Sequence[Power], detected: Sequence[Detectable], comparisons: int) -> None:
    """Write the sections on real drops and on the minimum detectable effect."""
    page.section(
        "Real drops",
        "In these comparisons, the true score of the candidate is lower than the true score of the base. The "
        "difference is called the drop. The power of a test is the probability that the test finds the drop. There is "
        "one metric, and each cluster has one case. The test is two-sided at the level 5%.\n\n"
        "- **exact**: the power, computed from all possible results\n"
        "- **computed**: the power from Toolmark's own function\n"
        "- **found**: the share of simulated comparisons in which the test finds the drop",
        ["n", "drop", "discordance", "exact", "computed", "found"],
        [
            [
                str(row.n),
                percent(row.drop, 0),
                percent(row.discordance, 0),
                percent(row.exact),
                percent(row.computed),
                drawn(row.counted, comparisons),
            ]
            for row in found
        ],
    )
    computed = max(abs(row.computed - row.exact) for row in found)
    counted = max(abs(row.counted - row.exact) for row in found)
    page.held(
        computed <= 1e-6,
        "The power from Toolmark's own function must equal the exact power",
        f"at most {100 * computed:.1g} points apart",
    )
    page.held(
        counted <= 0.02,
        "The share of found drops must differ from the exact power by at most 2 points",
        f"at most {100 * counted:.1f} points apart",
    )
    page.section(
        "The minimum detectable effect",
        "The minimum detectable effect of a comparison is the smallest true difference that the test finds in 80% of "
        "such comparisons. With clusters, Toolmark computes an approximation (`benchmark/verdicts/power.py`). The "
        "program checks the minimum detectable effect in two steps:\n\n"
        "- First, the program simulates 400 comparisons of equal candidates. The table shows the median of their "
        "minimum detectable effects.\n"
        "- Second, the program simulates comparisons in which this median is the true difference. The column `found` "
        "shows the share of comparisons in which the test finds the difference. This share should be 80%.",
        ["n", "discordance", "unit", "minimum detectable effect", "found"],
        [
            [
                str(row.n),
                percent(row.truth.discordance, 0),
                unit(row.truth),
                percent(row.effect),
                drawn(row.counted, comparisons),
            ]
            for row in detected
        ],
    )
    alone = max(abs(row.counted - 0.8) for row in detected if not row.truth.correlation)
    grouped = max(abs(row.counted - 0.8) for row in detected if row.truth.correlation)
    page.held(
        alone <= 0.02,
        "Without clusters, the test must find the minimum detectable effect in 78% to 82% of comparisons",
        f"the share differs from 80% by at most {100 * alone:.1f} points",
    )
    page.held(
        grouped <= 0.10,
        "With clusters, the test must find the minimum detectable effect in 70% to 90% of comparisons",
        f"the share differs from 80% by at most {100 * grouped:.1f} points",
    )


def write_wilson(page: Page, found: Sequence[Wilson]) -> None:
    """Write the section on one score without clusters."""
    page.section(
        "One score: Wilson's interval",
        "The table shows how often the 95% interval of a score contains the true score p. The coverage is computed "
        "exactly, for each p from 0.02 to 0.98 in steps of 0.001. The column `at p` shows the p with the lowest "
        "coverage.",
        ["n", "mean coverage", "lowest coverage", "at p", "mean width"],
        [
            [str(row.n), percent(row.mean, 2), percent(row.least, 2), f"{row.least_at:.3f}", percent(row.width)]
            for row in found
        ],
    )
    enough = [row for row in found if row.n >= SIZES[0]]
    mean, least = max(abs(row.mean - 0.95) for row in enough), min(row.least for row in enough)
    page.held(
        mean <= 0.01,
        "With at least 200 cases, the mean coverage of Wilson's interval must be from 94% to 96%",
        f"at most {100 * mean:.2f} points from 95%",
    )
    page.held(
        least >= 0.93,
        "With at least 200 cases, the coverage of Wilson's interval must be at least 93%",
        f"at least {percent(least, 2)}",
    )


def _covered(found: Sequence[Covered], comparisons: int) -> list[list[str]]:
    return [
        [
            str(row.n),
            percent(row.truth.discordance, 0),
            percent(row.truth.effect, 0),
            unit(row.truth),
            drawn(row.coverage, comparisons) if row.truth.correlation else percent(row.coverage),
            percent(row.width),
            "" if row.t_coverage is None else drawn(row.t_coverage, comparisons),
            "" if row.t_width is None else percent(row.t_width),
        ]
        for row in found
    ]


def write_covered(page: Page, both: Sequence[Covered], one: Sequence[Covered], comparisons: int) -> None:
    """Write the sections on paired differences."""
    columns = ["n", "discordance", "effect", "unit", "coverage", "mean width", "t coverage", "t mean width"]
    page.section(
        "A paired difference",
        "The table shows how often Tango's 95% interval contains the true difference. In all rows, the candidate wins "
        "some cases and loses other cases. Without clusters, the coverage is computed exactly. With clusters, the "
        "coverage is estimated from random comparisons. Here, Tango's interval uses the effective sample size: the "
        "number of independent cases that give as much information as the clusters. The last two columns show the "
        "cluster-robust t interval of the same data.",
        columns,
        _covered(both, comparisons),
    )
    for clustered in (False, True):
        least = min(row.coverage for row in both if bool(row.truth.correlation) == clustered)
        page.held(
            least >= 0.94,
            f"With{'' if clustered else 'out'} clusters, the coverage of Tango's interval must be at least 94%",
            f"at least {percent(least, 2)}",
        )
    least = min(row.t_coverage for row in both if row.t_coverage is not None)
    page.held(
        least >= 0.94,
        "The coverage of the cluster-robust t interval must be at least 94%",
        f"at least {percent(least, 2)}",
    )
    page.section(
        "A paired difference in which every change is a loss",
        "In these comparisons, the candidate loses some cases and wins none. The t interval assumes a symmetric "
        "distribution of the differences. So if there are losses in only a few clusters, the t interval is too short "
        "on one side. For this reason, Toolmark uses Tango's interval.",
        columns,
        _covered(one, comparisons),
    )


def write_overlooked(page: Page, found: Sequence[Overlooked], comparisons: int) -> None:
    """Write the section on overlooked drops: a score drops by the margin, but the verdict is `equivalent`."""
    page.section(
        "The verdict `equivalent` for a drop as large as the margin",
        "In these comparisons, the true drop is exactly 5 points, as large as the margin. Such a drop should not get "
        "the verdict `equivalent`, which needs a 90% interval between -5 and +5 points. The table shows the share of "
        "comparisons with an interval inside this margin. Comparisons with the verdict `regressed` are included. This "
        "share should be at most 5%.",
        ["n", "discordance", "unit", "inside the margin"],
        [
            [
                str(row.n),
                percent(row.truth.discordance, 0),
                unit(row.truth),
                drawn(row.share, comparisons) if row.truth.correlation else percent(row.share),
            ]
            for row in found
        ],
    )
    for clustered, bound in ((False, 0.055), (True, 0.06)):
        most = max(row.share for row in found if bool(row.truth.correlation) == clustered)
        kind = f"With{'' if clustered else 'out'} clusters"
        within = f"{kind}, at most {percent(bound)} of comparisons may have an interval inside the margin"
        page.held(most <= bound, within, f"at most {percent(most)}")


def write_cluster(page: Page, found: Sequence[Covered], comparisons: int) -> None:
    """Write the section on one score with clusters."""
    page.section(
        "One score with clusters: the cluster-robust t interval",
        "The table shows how often the 95% interval of a score contains the true score p. The answers are simulated. "
        "Each cluster has four cases.",
        ["clusters", "n", "p", "coverage", "mean width"],
        [
            [
                str(row.n // 4),
                str(row.n),
                f"{row.truth.effect:.2f}",
                drawn(row.coverage, comparisons),
                percent(row.width),
            ]
            for row in found
        ],
    )
    least = min(row.coverage for row in found if row.n >= 120 and 0.3 <= row.truth.effect <= 0.7)
    page.held(
        least >= 0.92,
        "If there are at least 30 clusters and p is from 0.3 to 0.7, the coverage must be at least 92%",
        f"at least {percent(least, 2)}",
    )


def main() -> None:
    """Run all measurements, the longest first, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--comparisons", type=int, default=10_000, help=f"comparisons in each setting, a multiple of {CHUNK}"
    )
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    draws: int = options.comparisons
    if draws < CHUNK or draws % CHUNK:
        parser.error(f"--comparisons {draws} is not a multiple of {CHUNK}")
    truths = [Truth(d, 0.0, correlation) for correlation in (0.0, CORRELATION) for d in DISCORDANCES]
    with ProcessPoolExecutor(os.cpu_count()) as pool:

        def each(work: Callable[..., Any], settings: Iterable[tuple[Any, ...]]) -> list[Future[Any]]:
            return [pool.submit(work, *setting) for setting in settings]

        # The largest measurements start first, so that all cores finish at about the same time.
        alarmed = each(alarms, [(n, truth, draws) for n in reversed(SIZES) for truth in truths])
        kinds = (0.0, CORRELATION)
        both = [
            (n, Truth(d, 0.0 - e, c))
            for c in kinds
            for n in SIZES
            for d in DISCORDANCES
            for e in (0.0, *DROPS)
            if e < d
        ]
        one = [(n, Truth(drop, -drop, c)) for c in kinds for n in SIZES for drop in (0.02, *DROPS)]
        edge = [(n, Truth(d, -MARGIN, c)) for c in kinds for n in SIZES for d in (MARGIN, *DISCORDANCES[1:])]

        def covered(settings: Sequence[tuple[int, Truth]]) -> list[Future[Any]]:
            return [
                pool.submit(paired_coverage, n, truth, draws)
                if truth.correlation
                else pool.submit(tango_coverage, n, truth)
                for n, truth in settings
            ]

        moved_both, moved_one = covered(both), covered(one)
        edged = each(overlooked, [(*setting, draws) for setting in edge])
        powers = each(power, [(n, drop, d, draws) for n in SIZES for drop in DROPS for d in DISCORDANCES[1:]])
        detected = each(detectable, [(n, truth, draws) for truth in truths for n in SIZES])
        wilsons = each(wilson_coverage, [(n,) for n in (20, 50, 100, *SIZES)])
        shares = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
        clustered = each(cluster_coverage, [(count, p, CORRELATION, draws) for count in (15, 30, 100) for p in shares])

        def results(futures: Sequence[Future[Any]]) -> list[Any]:
            return [future.result() for future in futures]

        page = Page(HEAD)
        write_alarms(page, sorted(results(alarmed), key=lambda row: (row.truth.correlation, row.n)))
        write_power(page, results(powers), results(detected), draws)
        write_wilson(page, results(wilsons))
        write_covered(page, results(moved_both), results(moved_one), draws)
        write_overlooked(page, results(edged), draws)
        write_cluster(page, results(clustered), draws)
    page.finish(options.out)


if __name__ == "__main__":
    main()
