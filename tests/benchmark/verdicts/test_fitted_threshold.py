"""A fitted threshold keeps the demanded restraint with the highest recall."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolmark.benchmark.runs.calibration import Calibration
from toolmark.benchmark.scoring.call_scores import CallScore
from toolmark.benchmark.verdicts.fitted_threshold import fit_threshold
from toolmark.benchmark.verdicts.timing_curve import at_threshold

SCORES = st.floats(0, 1) | st.sampled_from([0.0, 0.3, 0.30000000000000004, 1.0])


ROWS = st.lists(st.tuples(SCORES, st.booleans()), min_size=2, max_size=30)


@given(rows=ROWS.filter(lambda rows: len({right for _, right in rows}) == 2), restraint=st.floats(0, 1))
def test_no_other_threshold_is_better(rows, restraint):
    scores = [CallScore(str(at), str(at), right, value) for at, (value, right) in enumerate(rows)]
    threshold = fit_threshold(scores, restraint)
    assert 0 <= threshold <= 1
    found = at_threshold(scores, Calibration(threshold, len(scores)))
    assert found.restraint.score >= restraint
    for value in [0.0, *(score for score, _ in rows)]:
        other = at_threshold(scores, Calibration(value, len(scores)))
        assert other.restraint.score < restraint or other.recall.score <= found.recall.score


def test_it_has_few_digits():
    scores = [CallScore(str(at), str(at), at > 2, value) for at, value in enumerate([0.1, 0.2, 0.41, 0.3, 0.9])]
    assert fit_threshold(scores, 1.0) == 0.66
    assert fit_threshold(scores, 0.5) == 0.25
