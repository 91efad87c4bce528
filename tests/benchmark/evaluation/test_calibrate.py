"""A threshold is fitted on dev cases only, and a candidate with this threshold decides as the probabilities say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.evaluation.calibrate_command import fit
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.shared_options import AnswerOptions, CaseOptions
from toolmark.benchmark.readers.case_selection import limited, load_cases
from toolmark.benchmark.readers.toolmark import case_line
from toolmark.benchmark.runs.calibration import Calibration, read_calibration, write_calibration


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    folder = tmp_path / "cases"
    folder.mkdir()
    for split in ("dev", "test"):
        rows = limited(load_cases(shipped_cases(), split)[0], 8)
        (folder / f"few.{split}.jsonl").write_text("".join(map(case_line, rows)))
    return folder


@pytest.mark.slow
def test_a_fitted_threshold_is_used(cases, tmp_path, capsys):
    runs = tmp_path / "runs"
    options: dict[str, Any] = {
        "adapter": "pocket-lora",
        "restraint": 0.9,
        "runs": str(runs),
        "case_options": CaseOptions(cases=str(cases)),
        "answer_options": AnswerOptions(max_tokens=5),
    }
    fit("pocket", **options)
    said = capsys.readouterr().out
    (spec,) = re.findall(r"^spec: (\S+)$", said, re.MULTILINE)
    threshold = float(spec.removeprefix("pocket:pocket-lora@call>"))
    assert len(re.findall(r"^with.*: recall \S+%, restraint \S+%$", said, re.MULTILINE)) == 2
    (folder,) = (folder for folder in runs.iterdir() if re.fullmatch("pocket-lora-[0-9a-f]{8}", folder.name))
    stored = read_calibration(folder)
    assert (stored.threshold, stored.fitted_on) == (threshold, f"8 dev cases of {cases}")
    command = f"toolmark eval --model pocket --adapter '{spec.partition(':')[2]}' --cases {cases} --max-tokens 5"
    assert f"To evaluate it: {command} --runs {runs}\n" in said
    fit("pocket", limit=4, **options)
    assert (
        f"fitted on 4 dev cases of {cases} (--limit 4), instead of 8 dev cases of {cases}\n" in capsys.readouterr().out
    )
    write_calibration(folder, stored)

    decided = [threshold, 0.0]
    adapters = ("pocket-lora", *(f"pocket-lora@call>{each!r}" for each in decided))
    request = Request(models=("pocket",), adapters=adapters, cases=str(cases), max_tokens=5, runs=runs)
    evaluation = Evaluation(request)
    comparison = evaluation.run(logs=False)
    _, free, *forced = evaluation.contestants
    chances = {key: completion.call_probability for key, completion in free.run.completions.items()}
    for contestant, each in zip(forced, decided, strict=True):
        for key, completion in contestant.run.completions.items():
            assert completion.call_probability == pytest.approx(chances[key], abs=1e-6)
            assert completion.text.startswith("<tool_call>") == (chances[key] > each)
            called = free.run.completions[key].text.startswith("<tool_call>")
            if called == (chances[key] > each):
                assert completion.text == free.run.completions[key].text
    own = comparison["pocket-lora"].timing.at_restraint
    assert (own.threshold, own.fitted_on) == (threshold, stored.fitted_on)
    assert own.recall.n + own.restraint.n == 8


def test_what_cannot_be_calibrated(tmp_path, cases):
    with pytest.raises(InputError, match="weights that can be loaded"):
        fit("policy/never", runs=str(tmp_path))
    with pytest.raises(InputError, match="cannot be used here"):
        fit("pocket@call>0.5", runs=str(tmp_path))
    with pytest.raises(InputError, match="--restraint 3"):
        fit("pocket", restraint=3, runs=str(tmp_path))
    (cases / "few.dev.jsonl").write_text("".join(
        case_line(case) for case in load_cases(shipped_cases(), "dev")[0][:200] if case.expect.action == "call"
    ))  # fmt: skip
    runs = tmp_path / "runs"
    with pytest.raises(InputError, match="all of one kind"):
        fit("pocket", case_options=CaseOptions(cases=str(cases)), limit=2, runs=str(runs))
    with pytest.raises(InputError, match="scenarios contains scenarios, but a threshold is fitted on single cases"):
        fit("pocket", case_options=CaseOptions(cases=shipped_cases("scenarios")), runs=str(runs))
    with pytest.raises(InputError, match=r"few\.test\.jsonl contains test cases, but a threshold is fitted"):
        fit("pocket", case_options=CaseOptions(cases=str(cases / "few.test.jsonl")), runs=str(runs))
    assert not runs.exists(), "nothing is generated before"


@pytest.mark.parametrize("text", ["", "[]", "null", '{"threshold": 2, "cases": 1}', '{"threshold": NaN, "cases": 1}'])
def test_a_broken_calibration_is_none(tmp_path, text):
    found = Calibration(0.25, 8, "mine", "0a1b", 8)
    write_calibration(tmp_path, found)
    assert read_calibration(tmp_path) == found
    (tmp_path / "calibration.json").write_text('{"threshold": 0.25, "cases": 8}')
    assert read_calibration(tmp_path).fitted_on == "8 dev cases"
    (tmp_path / "calibration.json").write_text(text)
    assert read_calibration(tmp_path) is None
