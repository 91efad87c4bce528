"""Tests a report of four models. Every figure is computed a second time here, in another way.

Only the grades of the judge are shared. The figures are computed with plain Python and scipy: populations by hand,
Wilson's interval by its formula, Tango's by likelihood and root finding, p as a binomial test, Holm by its definition.

The answers of the models are made here; where the recorded answers of four real ones exist, they are used too (slow).
"""

from __future__ import annotations

import csv
import gzip
import html
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import NormalDist, fmean
from typing import NamedTuple

import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binomtest

from toolmark.benchmark.core.registry import load
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.runs.replay import read_replay
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.reports.frame import Csv
from toolmark.reports.html import Html

DATA = Path(__file__).parents[3] / "shared" / "data"
RECORDED = sorted((DATA / "bfcl_recorded").glob("*.jsonl.gz"))
MARGIN = 0.05
NUMBER = {"type": "integer"}
Z95, Z90 = NormalDist().inv_cdf(0.975), NormalDist().inv_cdf(0.95)

COUNTED: dict[str, Callable[[Grade], bool | None]] = {
    "timing.recall": lambda g: g.outcome == "call" if g.expected == "call" else None,
    "timing.restraint": lambda g: g.outcome == "abstain" if g.expected == "abstain" else None,
    "selection.tool": lambda g: g.selected if g.expected == "call" else None,
    "validity.schema": lambda g: g.schema_valid if g.expected == "call" else None,
    "validity.call": lambda g: g.correct if g.expected == "call" else None,
    "guard.stops": lambda g: None,  # noqa: ARG005 (the recordings do not say how an answer ended)
}


class Pair(NamedTuple):
    """A metric of one model beside the baseline's."""

    n: int
    wins: int
    losses: int

    @property
    def effect(self) -> float:
        return (self.wins - self.losses) / self.n


class Recordings(NamedTuple):
    """What four models answered, the first being the baseline, and to which cases."""

    paths: list[Path]
    cases: str
    count: int


def made(folder: Path, count: int = 160) -> Recordings:
    """Four models of different skill; each draws, case by case, whether it calls, which tool and with what."""
    tools = [{"name": name, "parameters": {"type": "object", "properties": {"n": NUMBER}}} for name in ("add", "sub")]
    call = {"action": "call", "any_of": [{"calls": [{"name": "add", "arguments": {"n": [1]}}]}]}
    rows = [
        {
            "messages": [{"role": "user", "content": f"Question {number}"}],
            "toolbox": tools,
            "expect": {"action": "abstain", "reason": "no_tool_fits"} if number % 4 == 3 else call,
            "source": {"name": "made", "ref": str(number)},
            "licence": "CC0-1.0",
        }
        for number in range(count)
    ]
    cases = folder / "cases.jsonl"
    cases.write_text("".join(json.dumps(row) + "\n" for row in rows))
    paths = []
    for name, skill in (("base", 0.6), ("better", 0.95), ("other", 0.55), ("worse", 0.2)):
        draw = Random(name)
        paths.append(folder / f"{name}.jsonl.gz")
        with gzip.open(paths[-1], "wt", encoding="utf-8") as stream:
            for number in range(count):
                able = [draw.random() < skill for _ in range(4)]
                called = {
                    "name": "add" if able[1] else "sub",
                    "arguments": {"n": (1 if able[2] else 2) if able[3] else "1"},
                }
                text = json.dumps(called) if able[0] != (number % 4 == 3) else "I cannot."
                stream.write(json.dumps({"case": str(number), "text": text, "dialect": "json"}) + "\n")
    return Recordings(paths, str(cases), count)


@pytest.fixture(scope="module", params=["made", pytest.param("recorded", marks=pytest.mark.slow)])
def recordings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    if request.param == "made":
        return made(tmp_path_factory.mktemp("made"))
    if len(RECORDED) != 4:
        pytest.skip("the recorded answers of four models are not at hand")
    return Recordings(RECORDED, f"bfcl:{DATA / 'bfcl'}", 1238)


@pytest.fixture(scope="module")
def values(recordings: Recordings) -> list[dict[str, dict[str, bool]]]:
    """Per model, metric and case id whether the answer is right."""
    cases = [case for case in load_cases(recordings.cases)[0] if case.waiver is None]
    assert len({case.group or case.id for case in cases}) == len(cases) == recordings.count
    found = []
    for path in recordings.paths:
        replay = read_replay(path)
        dialect = load("toolmark.dialects", replay.dialect)()
        answers = replay.answers(cases, partial=True)
        grades = [grade(case, answers[case.id, 1], dialect) for case in cases]
        found.append(
            {
                metric: {g.case_id: bool(right) for g in grades if (right := counts(g)) is not None}
                for metric, counts in COUNTED.items()
            }
        )
    return found


@pytest.fixture(scope="module")
def comparison(recordings: Recordings) -> Comparison:
    first, *others = map(str, recordings.paths)
    request = Request(models=tuple(others), baseline=first, cases=recordings.cases, margin=MARGIN)
    return compare_recorded(request, report=True)


def wilson(right: int, n: int) -> tuple[float, float]:
    p, z = right / n, Z95
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (p + z * z / (2 * n) - half) / (1 + z * z / n), (p + z * z / (2 * n) + half) / (1 + z * z / n)


def tango(pair: Pair, z: float) -> tuple[float, float]:
    """Every difference that the score test accepts, where the likelihood under it is maximised by search."""
    n, wins, losses = pair

    def score(difference: float) -> float:
        """How many standard deviations the observed difference lies above `difference`."""

        def unlikely(q: float) -> float:  # q: share of losses; of wins q + difference
            parts = ((losses, q), (wins, q + difference), (n - wins - losses, 1 - 2 * q - difference))
            return -math.fsum(count * math.log(share) for count, share in parts if count)

        low, high = max(0.0, -difference), (1 - difference) / 2
        edge = (high - low) * 1e-9
        q = minimize_scalar(unlikely, bounds=(low + edge, high - edge), method="bounded", options={"xatol": 1e-13}).x
        return (wins - losses - n * difference) / math.sqrt(n * (2 * q + difference - difference**2))

    seen = pair.effect
    return (
        brentq(lambda at: score(at) - z, -1 + 1e-6, seen, xtol=1e-10),
        brentq(lambda at: score(at) + z, seen, 1 - 1e-6, xtol=1e-10),
    )


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """An adjusted p is the least level at which Holm's procedure rejects: the largest product up to its place."""
    ordered = sorted(p_values, key=p_values.__getitem__)
    products = [min(1.0, (len(ordered) - place) * p_values[name]) for place, name in enumerate(ordered)]
    return {name: max(products[: place + 1]) for place, name in enumerate(ordered)}


def pairs_of(values: list[dict[str, dict[str, bool]]], column: int) -> dict[str, Pair]:
    found = {}
    for metric, base in values[0].items():
        mine = values[column][metric]
        assert mine.keys() == base.keys()
        if base:
            wins = sum(mine[case] > base[case] for case in base)
            found[metric] = Pair(len(base), wins, sum(mine[case] < base[case] for case in base))
    return found


def test_scores_and_their_intervals(recordings, values, comparison):
    names = [path.name.removesuffix(".jsonl.gz") for path in recordings.paths]
    assert [one.name for one in comparison.contestants] == names
    for column, of_model in enumerate(values):
        for metric, right in of_model.items():
            figure = comparison.contestants[column].figures[metric]
            assert figure.n == len(right)
            if not right:
                assert (figure.score, figure.interval) == (None, None)
                continue
            assert figure.score == pytest.approx(fmean(right.values()), abs=1e-12)
            low, high = wilson(sum(right.values()), len(right))
            assert (figure.interval.low, figure.interval.high) == pytest.approx((low, high), abs=1e-9)


def test_differences_tests_and_verdicts(values, comparison):
    held = {column: pairs_of(values, column) for column in (1, 2, 3)}
    p = {
        column: {
            metric: binomtest(pair.wins, pair.wins + pair.losses).pvalue if pair.wins + pair.losses else 1.0
            for metric, pair in pairs.items()
        }
        for column, pairs in held.items()
    }
    for_regressed = {column: holm(of_column) for column, of_column in p.items()}
    for_improved = holm({f"{column} {metric}": value for column in p for metric, value in p[column].items()})
    met = set()
    for column, pairs in held.items():
        for metric, pair in pairs.items():
            found = comparison.contestants[column].differences[metric]
            assert (found.n, found.wins, found.losses) == pair
            assert found.ties == pair.n - pair.wins - pair.losses
            assert found.effect == pytest.approx(pair.effect, abs=1e-12)
            assert (found.interval.low, found.interval.high) == pytest.approx(tango(pair, Z95), abs=1e-6)
            assert found.p == pytest.approx(p[column][metric], rel=1e-6)
            adjusted = for_regressed[column][metric] if pair.effect < 0 else for_improved[f"{column} {metric}"]
            assert found.adjusted == pytest.approx(adjusted, rel=1e-6)
            low, high = tango(pair, Z90)
            if adjusted <= 0.05:
                verdict = "regressed" if pair.effect < 0 else "improved"
            else:
                verdict = "equivalent" if low >= -MARGIN and high <= MARGIN else "inconclusive"
            assert found.verdict == verdict
            met.add(verdict)
        assert comparison.contestants[column].differences["guard.stops"].n == 0
    assert {"improved", "regressed"} <= met


def points(low: float, high: float, sign: str = "") -> str:
    return f"[{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"


def lines_of(page: str) -> dict[tuple[str, str], str]:
    """The table of the page as a reader sees it: text by metric and candidate."""
    (section,) = re.findall(r'<section id="table".*?</section>', page, re.DOTALL)
    found = {}
    for table in re.findall(r"<table>.*?</table>", section, re.DOTALL):
        (metric,) = re.findall(r"<code>(.*?)</code></caption>", table)
        for row in re.findall(r'<tr>\s*<th scope="row">.*?</tr>', table, re.DOTALL):
            (name,) = re.findall(r"<bdi>(.*?)</bdi>", row)
            found[metric, name] = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split())
    return found


def test_the_page_and_the_csv_write_these_figures(values, comparison, tmp_path):
    Html().render(comparison, tmp_path / "four.html")
    page = (tmp_path / "four.html").read_text(encoding="utf-8")
    lines = lines_of(page)
    assert len(lines) == 4 * len(COUNTED)
    Csv().render(comparison, tmp_path / "four.csv")
    with (tmp_path / "four.csv").open(newline="", encoding="utf-8") as stream:
        rows = {(row["metric"], row["candidate"]): row for row in csv.DictReader(stream)}
    for column, of_model in enumerate(values):
        name = comparison.contestants[column].name
        pairs = pairs_of(values, column) if column else {}
        for metric, right in of_model.items():
            line = lines[metric, name]
            if not right:
                assert line.startswith(f"{name} n/a n/a 0")
                assert rows[metric, name]["score"] == ""
                continue
            score = fmean(right.values())
            said = f"{name} {100 * score:.1f} {points(*wilson(sum(right.values()), len(right)))} {len(right)}"
            if column:
                pair = pairs[metric]
                said += f" {100 * pair.effect:+.1f} {points(*tango(pair, Z95), '+')}"
                said += f" +{pair.wins} −{pair.losses} ={pair.n - pair.wins - pair.losses}"
                assert int(rows[metric, name]["wins"]) == pair.wins
                assert float(rows[metric, name]["difference"]) == pytest.approx(pair.effect)
            assert line.startswith(said)
            assert float(rows[metric, name]["score"]) == pytest.approx(score)
    assert "of 1,240 cases" in page or len(page) < 8_000_000
