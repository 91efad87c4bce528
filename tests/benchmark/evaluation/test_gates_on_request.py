"""`timing.auroc` is checked only if `--gate` names it."""

from __future__ import annotations

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request, check

GATE = ("timing.auroc",)


def test_other_metrics_are_not_checked_on_request():
    with pytest.raises(InputError, match=r"--gate timing\.auroc"):
        check(Request(gates=("timing.recall",)))
    with pytest.raises(InputError, match=r"Add --gate timing\.auroc"):
        check(Request(floors=(("timing.auroc", 0.8),)))
    check(Request(gates=GATE, floors=(("timing.auroc", 0.8),)))


def test_the_cases_say_what_is_checked():
    request = Request(models=("policy/never",), limit=5)
    assert "timing.auroc" not in Evaluation(request).case_set.checked
    assert "timing.auroc" in Evaluation(Request(models=("policy/never",), limit=5, gates=GATE)).case_set.checked


def test_the_suite_checks_it(suites):
    asked = suites("--model", "policy/never", "--gate", "timing.auroc", "-k", "auroc", "-q")
    assert asked.code == 1
    assert "timing.auroc: the answers do not show how likely a call was" in asked.stdout
    assert "1 failed" in asked.stdout
    assert suites("--model", "policy/never", "-k", "auroc", "-q").code == 5
