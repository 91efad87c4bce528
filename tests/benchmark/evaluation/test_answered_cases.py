"""A report names the cases that were answered, and recorded grades need a recording that has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.evaluation.evaluate import Evaluation, compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.verdicts.comparison import Comparison


def made(tmp_path: Path, few_cases: Path, limit: int, model: str = "policy/first", *, logs: bool = False) -> str:
    """The run of a policy over a sample of the cases."""
    request = Request((model,), cases=str(few_cases), limit=limit, runs=tmp_path / str(limit))
    evaluation = Evaluation(request)
    evaluation.run(logs=logs)
    return str(evaluation.contestants[0].run.folder)


def case_set(comparison: Comparison) -> str:
    assert comparison.report is not None
    assert comparison.report.provenance is not None
    return comparison.report.provenance.case_set


def test_reports_of_a_part_of_the_cases_have_another_case_set(tmp_path: Path, few_cases: Path) -> None:
    part, whole = made(tmp_path, few_cases, 20), made(tmp_path, few_cases, 60)
    other = made(tmp_path, few_cases, 60, "policy/never")

    def of(*runs: str, limit: int | None = None) -> str:
        request = Request(runs, cases=str(few_cases), limit=limit)
        return case_set(compare_recorded(request, report=True))

    assert of(part) == of(part, limit=20) == of(whole, limit=20)
    assert of(whole) == of(whole, other) != of(part)
    assert of(part, other) not in (of(whole, other), of(part))


def test_recorded_grades_need_a_recording_with_these_cases(tmp_path: Path, few_cases: Path) -> None:
    request = Request(("policy/never",), cases=str(few_cases), limit=5, runs=tmp_path / "runs", as_recorded=True)
    with pytest.raises(InputError, match="needs a recorded baseline, but policy/first is not a recording"):
        Evaluation(replace(request, baseline="policy/first"))
    logged = made(tmp_path, few_cases, 5, logs=True)
    Evaluation(replace(request, baseline=logged)).run(logs=False)
    (log,) = Path(logged).glob("*.eval")
    lines = few_cases.read_text().splitlines(keepends=True)
    judged = set(ids(replace(request, as_recorded=False)))
    every = ids(Request(("policy/never",), cases=str(few_cases)))
    others = tmp_path / "others.test.jsonl"
    others.write_text("".join(line for line, case in zip(lines, every, strict=True) if case not in judged))
    baseline = made(tmp_path, others, 20)
    (Path(baseline) / log.name).write_bytes(log.read_bytes())
    with pytest.raises(InputError, match="has none of the 20 answers"):
        Evaluation(replace(request, cases=str(others), limit=20, baseline=baseline)).run(logs=False)


def ids(request: Request) -> list[str]:
    """The ids of the cases of a request, in the order of the file."""
    return [case.id for case in Evaluation(request).cases]
