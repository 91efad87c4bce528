"""`--max-tokens`: a limit that can change an answer, so each limit is a run of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request

CASES = str(Path(__file__).parents[3] / "suites" / "cases" / "either.test.jsonl")


def test_two_limits_are_two_runs(tmp_path: Path) -> None:
    def answered(limit: int) -> Evaluation:
        evaluation = Evaluation(Request(models=("pocket",), cases=CASES, limit=6, max_tokens=limit, runs=tmp_path))
        evaluation.run(logs=False)
        return evaluation

    short, long = (answered(limit).contestants[0].run for limit in (8, 64))
    assert (short.identity["decoding"]["max_tokens"], long.identity["decoding"]["max_tokens"]) == (8, 64)
    assert short.folder != long.folder
    assert (short.made, long.made) == (6, 6), "no answer of another limit is reused"
    cut = [said for said in short.completions.values() if said.stop_reason == "length"]
    assert cut
    assert {said.usage.output_tokens for said in cut} == {8}
    assert max(said.usage.output_tokens for said in long.completions.values()) > 8
    for case, said in short.completions.items():
        assert long.completions[case].text.startswith(said.text)


def test_a_limit_that_leaves_no_room_is_refused(suites, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--max-tokens 0 is below 1\. Write 1 or more: --max-tokens 512"):
        Evaluation(Request(models=("pocket",), cases=CASES, max_tokens=0))
    few = ("--model", "pocket", "--limit", "4", "-k", "not gold")
    refused = suites(*few, "--max-tokens", "9000")
    assert refused.returncode == 4
    assert "--max-tokens 9000 leaves no room for a prompt" in refused.stderr
    assert "has 8192 tokens. Allow shorter answers, for example --max-tokens 512" in refused.stderr
    assert list(tmp_path.iterdir()) == [], "a refused run leaves no folder"
