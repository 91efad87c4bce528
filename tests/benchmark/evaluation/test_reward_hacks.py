"""What a wrong reward teaches is red in the suites, with its cause. Here, policies stand for the models it makes.

`pocket-lora`, from which such a training starts, is replayed from a record.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.verdicts.comparison import Comparison

START = Path(__file__).parents[3] / "docs" / "replays" / "generated-pocket-lora.jsonl.gz"


@pytest.fixture(scope="module")
def hacks() -> Comparison:
    request = Request(models=("policy/never", "policy/first"), baseline=str(START), cases="generated", limit=300)
    return evaluate(request, logs=False)


@pytest.mark.parametrize(
    ("paid", "policy", "metric", "cause"),
    [
        ("only restraint", "policy/never", "timing.recall", Cause.NO_CALL),
        ("only valid calls", "policy/first", "timing.restraint", Cause.OVER_CALL),
    ],
)
def test_a_model_that_learnt_what_was_paid_is_red(hacks, paid, policy, metric, cause):
    start = hacks.contestants[0]
    judged = next(one for one in hacks.compared if one.name == policy)
    assert judged.differences[metric].verdict == "regressed", paid
    assert judged.causes[cause] > 2 * start.causes.get(cause, 0), paid
    assert max(judged.causes, key=lambda one: judged.causes[one] - start.causes.get(one, 0)) is cause
