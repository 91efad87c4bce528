"""Recordings that are no ledger: by id or by reference, and what is unknown, doubled, missing or not said in them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.forked.commands import Commands
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion, RawCall
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.runs.ledger import Ledger
from toolmark.benchmark.runs.replay import Replay, read_replay
from toolmark.benchmark.verdicts.comparison import Comparison

SHARED = Path(__file__).parents[4] / "shared" / "data"
CALL = '{"name": "add", "arguments": {}}'


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Four cases that ask for `add`, with the references a, b, c, d."""
    file = tmp_path / "four.jsonl"
    rows = [
        {
            "messages": [{"role": "user", "content": f"Add {ref}."}],
            "toolbox": [{"name": "add", "parameters": {"type": "object", "properties": {}}}],
            "expect": {"action": "call", "any_of": [{"calls": [{"name": "add"}]}]},
            "source": {"name": "test", "ref": ref},
            "licence": "CC0-1.0",
        }
        for ref in "abcd"
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def recording(folder: Path, *rows: dict[str, Any]) -> Path:
    file = folder / "said.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def said(ref: str, text: str = CALL, **fields: Any) -> dict[str, Any]:
    return {"case": ref, "text": text, "dialect": "json", **fields}


def answers(file: Path, cases: list[Case], **options: Any) -> Any:
    return read_replay(file).answers(cases, **options)


def judged(file: Path, cases: Path, **options: Any) -> Comparison:
    request = Request(models=(f"replay/{file}",), cases=str(cases), runs=cases.parent / "runs", **options)
    return evaluate(request, logs=False)


def test_rows_name_their_case_by_reference_or_id(tmp_path: Path, cases: Path) -> None:
    loaded = load_cases(str(cases))[0]
    by_id = {"case_id": loaded[1].id, "text": "No.", "stop_reason": "length", "dialect": "json", "epoch": 1}
    native = {"name": "add", "arguments": "{}"}
    called = {"case": "c", "tool_calls": [native, {"type": "function", "function": native}], "dialect": "json"}
    found = answers(recording(tmp_path, said("a"), by_id, called, said("d", usage={"n": 1})), loaded)
    assert found == {
        (loaded[0].id, 1): Completion(CALL, stop_reason="unknown"),
        (loaded[1].id, 1): Completion("No.", stop_reason="length"),
        (loaded[2].id, 1): Completion("", (RawCall("add", "{}"),) * 2, stop_reason="unknown"),
        (loaded[3].id, 1): Completion(CALL, stop_reason="unknown"),
    }


def test_what_a_recording_cannot_know_is_not_applicable(tmp_path: Path, cases: Path) -> None:
    silent = judged(recording(tmp_path, *(said(ref) for ref in "abcd")), cases)
    told = judged(recording(tmp_path, *(said(ref, stop_reason="stop") for ref in "abcd")), cases)
    for comparison, n in ((silent, 0), (told, 4)):
        figure, recall = (
            comparison.contestants[0].figures["guard.stops"],
            comparison.contestants[0].figures["timing.recall"],
        )
        assert figure is not None
        assert recall is not None
        assert (figure.n, recall.n, recall.score) == (n, 4, 1)
    assert silent.contestants[0].identity["weights"] == "not known: recorded elsewhere"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [said(ref) for ref in "abcdex"],
            r"answers to 2 cases that are not in the case files: e \(line 5\), x \(line 6\)",
        ),
        ([said(ref) for ref in "abcda"], r"said\.jsonl: lines 1 and 5 both answer case a"),
        ([said(ref) for ref in "abd"], r"does not contain 1 of 4 cases: \w{16} \(c\)"),
        ([said("a"), said("b", dialect="tagged")], "contains answers in several dialects: json, tagged"),
        ([said("a", dialect="klingon")], "no dialect is named 'klingon'"),
        ([{"case": "a", "text": "No."}], "does not contain the name of its dialect"),
        ([{"text": "No."}], "exactly one of the fields case_id and case"),
        ([said("a", case_id="b")], "exactly one of the fields case_id and case"),
        ([said("a", stop_reason="tired")], "stop_reason must be one of"),
        ([said("a", tool_calls=[{"name": "f", "arguments": []}])], "arguments must be a string"),
        ([said("a", text=5)], "the field text must be a string, not 5"),
        ([said("a", epoch=0)], "epoch must be a whole number from 1"),
        ([said("a", surprise=1)], "cannot have the field 'surprise'"),
        ([{"case": "a", "raw": 5, "dialect": "xlam"}], "raw must be a string or a list"),
        ([], "contains no answers"),
    ],
    ids=range(15),
)
def test_a_recording_that_does_not_fit(tmp_path: Path, cases: Path, rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        judged(recording(tmp_path, *rows), cases)


def test_a_recording_without_a_dialect_is_read_in_the_one_asked_for(tmp_path: Path, cases: Path) -> None:
    file = recording(tmp_path, *({"case": ref, "text": CALL} for ref in "abcd"))
    recall = judged(file, cases, dialect="json").contestants[0].figures["timing.recall"]
    assert recall is not None
    assert recall.score == 1
    with pytest.raises(InputError, match="Leave --dialect out"):
        judged(recording(tmp_path, said("a")), cases, dialect="tagged")


def test_a_sample_of_the_cases_needs_no_recording_of_its_own(tmp_path: Path, cases: Path) -> None:
    recall = (
        judged(recording(tmp_path, *(said(ref) for ref in "abcd")), cases, limit=2)
        .contestants[0]
        .figures["timing.recall"]
    )
    assert recall is not None
    assert recall.n == 2


def test_a_recording_as_baseline_is_paired_on_what_both_sides_have(tmp_path: Path, cases: Path) -> None:
    whole = recording(tmp_path, *(said(ref) for ref in "abcd"))
    part = tmp_path / "part.jsonl"
    part.write_text("".join(json.dumps(row) + "\n" for row in (said("a"), said("b", "No."), said("x"))))
    comparison = judged(whole, cases, baseline=f"replay/{part}")
    difference = comparison.contestants[1].differences["timing.recall"]
    assert difference is not None
    assert (difference.n, difference.wins, difference.only_candidate) == (2, 1, 2)


def test_references_that_two_collections_share_must_be_ids(tmp_path: Path, cases: Path) -> None:
    loaded = load_cases(str(cases))[0]
    other = loaded[0].model_copy(update={"messages": loaded[1].messages[:1], "source": loaded[0].source})
    with pytest.raises(InputError, match=r"exist in several collections: a \(line 1\)"):
        answers(recording(tmp_path, said("a")), [*loaded, other])


@pytest.mark.parametrize("kind", ["same question", "other model", "other question"])
def test_a_ledger_that_answers_a_case_twice(tmp_path: Path, cases: Path, kind: str) -> None:
    """Two answers from one question, or from two models, are no work of Toolmark."""
    loaded = load_cases(str(cases))[0]
    with Ledger(tmp_path / "run") as ledger:
        ledger.open_session({"identity": {"dialect": "json/1"}, "environment": {}})
        ledger.append([("k1", loaded[0].id, 1, Completion("No.")), ("k2", loaded[1].id, 1, Completion("No."))])
    whole = read_replay(tmp_path / "run" / "ledger.jsonl")
    assert isinstance(whole, Replay)
    assert (whole.dialect, len(whole.answers(loaded))) == ("json", 2)
    with Ledger(tmp_path / "run") as ledger:
        if kind == "other model":
            ledger.open_session({"identity": {"dialect": "json/1", "weights": "other"}, "environment": {}})
        ledger.append([("k1" if kind == "same question" else "k3", loaded[0].id, 1, Completion("Yes."))])
    if kind == "other question":
        assert read_replay(tmp_path / "run" / "ledger.jsonl").by_case[loaded[0].id, 1] == Completion("Yes.")
        return
    with pytest.raises(InputError, match=f"two answers to 1 cases.* the first is {loaded[0].id}, epoch 1"):
        read_replay(tmp_path / "run" / "ledger.jsonl")


@pytest.mark.parametrize("real", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_recorded_models_are_judged_without_torch(
    tmp_path: Path, cases: Path, warm_without_torch: Commands, real: bool
) -> None:
    """The pytest door on made and real recordings in several dialects, in a process that cannot import torch."""
    blocked = tmp_path / "blocked"
    for name in ("torch", "transformers", "peft"):
        (blocked / name).mkdir(parents=True)
        (blocked / name / "__init__.py").write_text("raise ImportError('blocked by the test')")
    if real and not SHARED.is_dir():
        pytest.skip("no recorded model is at hand")
    texts = {
        "hermes": '<tool_call>\n{"name": "add", "arguments": {}}\n</tool_call>',
        "json": CALL,
        "pythonic": "[add()]",
        "tagged": '<tool_call>{"tool_name": "add", "args": {}}</tool_call>',
    }
    models = []
    for dialect, text in texts.items():
        models.append(tmp_path / f"{dialect}.jsonl")
        models[-1].write_text("".join(json.dumps(said(ref, text, dialect=dialect)) + "\n" for ref in "abcd"))
    asked = str(cases)
    if real:
        models = sorted((SHARED / "bfcl_recorded").glob("*.jsonl.gz"))
        asked = f"bfcl:{SHARED / 'bfcl'}"
    command = ["pytest", "suites/", "-p", "no:cacheprovider", "-k", "not gold", "--limit", "25"]
    command += ["--cases", asked, "--runs", str(tmp_path / "runs")]
    command += [part for model in models for part in ("--model", f"replay/{model}")]
    environment = {"PYTHONPATH": str(blocked), "PATH": os.environ.get("PATH", ""), "COLUMNS": "240"}
    run = warm_without_torch.start(*command, environment=environment).wait()
    assert run.returncode == 0, run.said
    (stops,) = [line for line in run.stdout.splitlines() if line.startswith("guard.stops")]
    assert stops.count("n/a") == 2 * len(models)
    for dialect in ("hermes", "json", "pythonic", "native" if real else "tagged"):
        assert f"dialect {dialect} (as recorded)" in run.stdout
    if not real:
        (recall,) = [line for line in run.stdout.splitlines() if line.startswith("timing.recall")]
        assert recall.count("100.0") >= len(models)


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_file_contains_no_answers(tmp_path: Path, content: str) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=r"e\.jsonl contains no answers\. Give a ledger\.jsonl, or a file of recorded"):
        read_replay(path)
