"""Which cases and epochs of a recording are judged and exported, and how recordings end that answer none of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.servers.scripted import scripted_server
from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.evaluation.evaluate import Evaluation, compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.runs.command import app
from toolmark.benchmark.runs.ledger import read_ledger
from toolmark.benchmark.verdicts.comparison import Comparison

N = 8


def line(ref: str, *more: Mapping[str, Any]) -> str:
    """A case that asks for `add`; its right answers are one call of it, and perhaps more."""
    case = {
        "messages": [{"role": "user", "content": f"Add {ref}."}],
        "toolbox": [{"name": name, "parameters": {"type": "object", "properties": {}}} for name in ("add", "take")],
        "expect": {"action": "call", "any_of": [{"calls": [{"name": "add"}]}, *more]},
        "source": {"name": "test", "ref": ref},
        "licence": "CC0-1.0",
    }
    return json.dumps(case) + "\n"


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    file = tmp_path / "cases.jsonl"
    file.write_text("".join(line(ref) for ref in "abcdefgh"))
    return file


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., Evaluation]:
    """`asked(model, cases, **options)`: an evaluation that has run; its runs are in `tmp_path / "runs"`."""

    def ask(model: str, cases: Path | str, *, logs: bool = False, **options: Any) -> Evaluation:
        request = Request(models=(model,), cases=str(cases), runs=tmp_path / "runs")
        evaluation = Evaluation(replace(request, **options))
        evaluation.run(logs=logs)
        return evaluation

    return ask


@pytest.fixture
def export(tmp_path: Path) -> Callable[[Evaluation], str]:
    """`export(evaluation)`: the last run of an evaluation as a file, exported by the command."""

    def exported(evaluation: Evaluation) -> str:
        out = tmp_path / f"exported-{len(list(tmp_path.iterdir()))}.jsonl.gz"
        app(
            ["export", str(ledger_of(evaluation)), "--out", str(out)], exit_on_error=False, result_action="return_value"
        )
        return f"replay/{out}"

    return exported


def ledger_of(evaluation: Evaluation) -> Path:
    return evaluation.contestants[-1].run.folder / "ledger.jsonl"


def answered(replay: str) -> set[str]:
    return set(read_ledger(Path(replay.removeprefix("replay/"))).answered)


# Which cases a run exports


@pytest.mark.parametrize("kind", ["cases", "scenarios"])
def test_an_export_has_the_cases_of_the_last_evaluation(asked, export, cases, kind) -> None:
    if kind == "cases":
        first: tuple[str, dict[str, Any]] = (str(cases), {})
        other = cases.with_name("other.jsonl")
        other.write_text("".join(line(ref) for ref in "xyz"))
        second: tuple[str, dict[str, Any]] = (str(other), {})
    else:
        first, second = ("scenarios", {"limit": 2}), ("scenarios", {"limit": 1})
    wanted = {case.id for case in asked("policy/oracle", first[0], **first[1]).cases}
    asked("policy/oracle", second[0], **second[1])
    again = asked("policy/oracle", first[0], **first[1])
    assert again.contestants[0].run.made == 0
    assert answered(export(again)) == wanted
    before = ledger_of(again).read_bytes()
    asked("policy/oracle", first[0], **first[1])
    assert ledger_of(again).read_bytes() == before, "an evaluation of the same cases writes nothing"


# Recordings that answer none of the cases


def test_a_recording_that_answers_no_case_is_an_error_everywhere(asked, cases, tmp_path) -> None:
    baseline = str(ledger_of(asked("policy/first", cases)).parent)
    other = tmp_path / "other.jsonl"
    other.write_text("".join(line(ref) for ref in "xyz"))
    with pytest.raises(InputError, match=r"ledger\.jsonl answers none of the 3 cases. Give the cases.*--cases PATH"):
        asked("policy/never", other, baseline=baseline, logs=True)
    with pytest.raises(InputError, match="answers none of the 3 cases"):
        compare_recorded(Request(models=(baseline,), baseline=baseline, cases=str(other)))
    with pytest.raises(InputError, match="answers none of the 2 scenarios"):
        asked("policy/never", "scenarios", limit=2, baseline=baseline)


@pytest.fixture
def too_long(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server for which questions with one of `too_long.words` are too long."""

    def fault(request: Mapping[str, Any], _: int) -> str | None:
        return "too long" if any(word in request["messages"][-1]["content"] for word in server.words) else None

    with scripted_server(lambda _: {"content": "No."}, fault, service="short") as server:
        server.words = ("Add b.",)
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def test_cases_that_are_all_too_long_are_nothing_to_do(asked, cases, too_long) -> None:
    too_long.words = ("Add",)
    with pytest.raises(NothingToDo, match=r"all 8 cases are left out, because they are too long for .*/tiny"):
        asked(too_long.spec, cases, skip_too_long=True, logs=True)


def test_a_candidate_that_lacks_all_cases_that_are_left(asked, cases, too_long, tmp_path) -> None:
    """The recorded baseline answers only the case that is too long for the candidate."""
    only = tmp_path / "only.jsonl"
    only.write_text(line("b"))
    baseline = str(ledger_of(asked("policy/first", only)).parent)
    with pytest.raises(InputError, match="answers none of the 7 cases that are left"):
        asked(too_long.spec, cases, baseline=baseline, skip_too_long=True, logs=True)


# Cases that were too long for the recorded model


def test_a_run_without_the_cases_that_are_too_long_can_be_replayed(asked, export, cases, too_long) -> None:
    live = asked(too_long.spec, cases, skip_too_long=True)
    replay = export(live)
    again = asked(replay, cases, skip_too_long=True)
    assert len(again.contestants[0].grades) == 7
    assert again.contestants[0].run.too_long == live.contestants[0].run.too_long
    with pytest.raises(InputError, match=r"lacks 1 of 8 cases, which were too long for the model. .*--skip-too-long"):
        asked(replay, cases)
    both = asked("policy/first", cases, baseline=replay, skip_too_long=True)
    assert [len(one.grades) for one in both.contestants] == [7, 7]


def test_an_interrupted_run_with_cases_that_are_too_long_is_refused(asked, cases, too_long) -> None:
    ledger = ledger_of(asked(too_long.spec, cases, skip_too_long=True))
    rows = ledger.read_text().splitlines(keepends=True)
    last = next(index for index in reversed(range(len(rows))) if '"case_id"' in rows[index])
    ledger.write_text("".join(rows[:last] + rows[last + 1 :]))
    with pytest.raises(InputError, match=r"does not contain 1 of 8 cases: .*finish it"):
        asked(f"replay/{ledger}", cases, skip_too_long=True)


# Right answers that were corrected


def test_after_a_correction_the_last_answer_counts_also_where_it_is_taken_back(asked, cases) -> None:
    """The oracle reads the right answer, so its answer has another key after each correction."""
    asked("policy/oracle", cases)
    before = cases.read_text()
    cases.write_text(before.replace(line("c"), line("c").replace('[{"name": "add"}]', '[{"name": "take"}]')))
    corrected = asked("policy/oracle", cases)
    assert (corrected.contestants[0].run.made, corrected.contestants[0].run.reused) == (1, 7)
    folder = str(ledger_of(corrected).parent)
    for _ in range(2):
        comparison = compare_recorded(Request(models=(folder,), baseline=folder, cases=str(cases)))
        assert comparison.contestants[1].figures["validity.call"].score == 1
        cases.write_text(before)
        assert asked("policy/oracle", cases).contestants[0].run.made == 0


# Epochs


def sampled(asked: Callable[..., Evaluation], cases: Path | str, seed: int, epochs: int) -> str:
    temperature = 0.7 if epochs > 1 else 0.0
    return str(ledger_of(asked("policy/uniform", cases, epochs=epochs, temperature=temperature, seed=seed)).parent)


def effect(comparison: Comparison, metric: str = "selection.tool") -> tuple[int, float | None, str]:
    difference = comparison.contestants[1].differences[metric]
    return difference.n, difference.effect, difference.verdict


def test_every_recorded_epoch_of_each_side_is_judged(asked, cases, tmp_path) -> None:
    base, mine = sampled(asked, cases, 1, 5), sampled(asked, cases, 2, 3)
    single = sampled(asked, cases, 3, 1)
    for baseline, model, grades in ((base, mine, [40, 24]), (single, base, [8, 40]), (base, single, [40, 8])):
        request = Request(models=(model,), baseline=baseline, cases=str(cases), runs=tmp_path / "runs")
        evaluation = Evaluation(request)
        judged = effect(evaluation.run())
        assert [len(one.grades) for one in evaluation.contestants] == grades
        assert judged == effect(compare_recorded(request))
        assert judged[0] == N
        assert judged[2] != "missing"


def test_a_baseline_with_fewer_epochs_than_the_candidate(asked, cases) -> None:
    base = sampled(asked, cases, 1, 1)
    both = asked("policy/uniform", cases, baseline=base, epochs=3, temperature=0.7, logs=True)
    assert [len(one.grades) for one in both.contestants] == [8, 24]


def test_conversations_of_every_recorded_epoch_are_judged(asked) -> None:
    base = str(ledger_of(asked("policy/oracle", "scenarios", limit=2, epochs=2, temperature=0.7)).parent)
    both = asked("policy/never", "scenarios", limit=2, baseline=base, logs=True)
    assert [len(one.grades) for one in both.contestants] == [4, 2]


def test_a_recording_with_more_epochs_of_some_cases_tells_it(asked, cases) -> None:
    sampled(asked, cases, 1, 3)
    request: dict[str, Any] = {"temperature": 0.7, "seed": 1}
    run = asked("policy/uniform", cases, epochs=5, limit=2, **request).contestants[0].run
    (contestant,) = asked(f"replay/{run.folder / 'ledger.jsonl'}", cases).contestants
    assert len(contestant.grades) == 3 * N
    (note,) = contestant.run.notes
    assert note.endswith("has 5 epochs of some cases, but only 3 of others. Epochs after 3 are left out")
