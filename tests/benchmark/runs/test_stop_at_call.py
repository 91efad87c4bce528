"""`--stop-at-call`: a completion ends behind the one call that is right; part of the identity, and off by default."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.readers.toolmark import case_line
from toolmark.benchmark.scoring.metrics import METRICS, PRIMARY

CASES = Path(__file__).parents[3] / "suites" / "cases"
FEWEST_CALLS = 3
CALLS = [metric for metric in PRIMARY if metric.id != "guard.stops"]


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Cases of every kind with short prompts; those with one right call twice as many as the others."""
    cases = [case for case in load_cases(str(CASES))[0] if len(case.toolbox.tools) <= 2]
    one = [case for case in cases if case.expect.action == "call" and len(case.expect.any_of[0].calls) == 1][:24]
    others = [
        case
        for case in cases
        if case not in one and (case.expect.action == "abstain" or "calls/" not in case.source.ref)
    ]
    file = tmp_path_factory.mktemp("cases") / "short.jsonl"
    file.write_text("".join(case_line(case) for case in (*one, *others[:8])))
    return str(file)


def judged(request: Request) -> Evaluation:
    evaluation = Evaluation(request)
    evaluation.run(logs=False)
    return evaluation


def test_off_is_not_even_told() -> None:
    assert Decoding().identity() == Decoding(stop_at_call=False).identity() == {"max_tokens": 512, "temperature": 0.0}
    assert Decoding(stop_at_call=True).identity() == {"max_tokens": 512, "temperature": 0.0, "stop_at_call": True}


def test_calls_are_judged_alike_and_nothing_else_is_ended(short: str, tmp_path: Path) -> None:
    asked = Request(models=("pocket",), cases=short, runs=tmp_path)
    whole, ended = judged(asked), judged(replace(asked, stop_at_call=True))
    (one,), (other,) = whole.contestants, ended.contestants
    before, after = one.run, other.run
    assert before.folder != after.folder
    assert after.identity == {**before.identity, "decoding": {**before.identity["decoding"], "stop_at_call": True}}

    changed = {place for place, said in after.completions.items() if said.stop_reason == "unknown"}
    assert len(changed) >= FEWEST_CALLS
    for (case_id, epoch), said in after.completions.items():
        first = before.completions[case_id, epoch]
        assert first.text.startswith(said.text)
        assert (first == said) == ((case_id, epoch) not in changed)
    cases = {case.id: case for case in whole.cases}
    for case_id, _ in changed:
        expect = cases[case_id].expect
        assert expect.action == "call"
        assert [len(option.calls) for option in expect.any_of] == [1] * len(expect.any_of)

    for old, new in zip(one.grades, other.grades, strict=True):
        assert [metric.of(old) for metric in CALLS] == [metric.of(new) for metric in CALLS]
        counted = METRICS["guard.stops"].of(new)
        assert counted == (None if (new.case_id, 1) in changed else METRICS["guard.stops"].of(old))


def test_what_a_server_writes_cannot_be_ended() -> None:
    with pytest.raises(InputError, match="is a served model"):
        Evaluation(Request(models=("openai/gpt-4.1",), cases=str(CASES), stop_at_call=True))
