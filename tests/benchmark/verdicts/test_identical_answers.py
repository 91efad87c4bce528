"""Equal texts prove that nothing changed only if they are also graded alike. All sides are real recordings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.scoring.call_scores import CallScore
from toolmark.benchmark.verdicts.auroc import decide_areas, pair_scores
from toolmark.benchmark.verdicts.recipe_verdicts import decide_recipes
from toolmark.benchmark.verdicts.verdict import Difference, Paired, decide

CALL = '{"name": "add", "arguments": {}}'


@pytest.fixture
def compared(tmp_path: Path) -> Callable[[dict[str, str], dict[str, str]], dict[str, Difference]]:
    """`compared(base, candidate)`: the differences of two recordings, which say the same in five cases.

    The arguments are further fields of the rows of each recording.
    """
    case = {
        "toolbox": [{"name": "add", "parameters": {"type": "object", "properties": {}}}],
        "expect": {"action": "call", "any_of": [{"calls": [{"name": "add"}]}]},
        "licence": "CC0-1.0",
    }
    cases = tmp_path / "five.jsonl"
    with cases.open("w") as stream:
        for ref in "abcde":
            named = {"messages": [{"role": "user", "content": f"Add {ref}."}], "source": {"name": "test", "ref": ref}}
            stream.write(json.dumps(case | named) + "\n")

    def write(name: str, fields: dict[str, str]) -> str:
        rows = [{"case": ref, "text": CALL, "dialect": "json", **fields} for ref in "abcde"]
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return f"replay/{tmp_path / name}"

    def compare(base: dict[str, str], candidate: dict[str, str]) -> dict[str, Difference]:
        sides = {"baseline": write("base.jsonl", base), "models": (write("candidate.jsonl", candidate),)}
        request = replace(Request(cases=str(cases), runs=tmp_path / "runs"), **sides)  # type: ignore[arg-type]
        return dict(evaluate(request, logs=False).contestants[1].differences)

    return compare


def test_equal_texts_in_another_dialect_are_not_equivalent(compared) -> None:
    found = compared({}, {"dialect": "tagged"})["timing.recall"]
    assert (found.n, found.effect, found.verdict, found.within_margin) == (5, -1, "inconclusive", False)


def test_a_text_that_was_cut_is_another_answer(compared) -> None:
    found = compared({"stop_reason": "stop"}, {"stop_reason": "length"})
    assert (found["guard.stops"].effect, found["guard.stops"].verdict) == (-1, "inconclusive")
    assert found["timing.recall"].verdict == "inconclusive"


@pytest.mark.parametrize("reason", ["stop", "unknown"])
def test_equal_texts_with_equal_grades_are_equivalent(compared, reason) -> None:
    found = compared({"stop_reason": "stop"}, {"stop_reason": reason})["timing.recall"]
    assert (found.effect, found.verdict) == (0, "equivalent")


def test_a_recipe_follows_the_same_rule_also_where_its_differences_cancel() -> None:
    ids = tuple("abcdefgh")
    rows = [np.repeat([1.0, -1.0], 4), np.repeat([-1.0, 1.0], 4)]
    trainings = {
        f"r@{seed}": {"timing.recall": Paired(ids, tuple(row.tolist()), ids, identical=True)}
        for seed, row in enumerate(rows)
    }
    (adapter,) = decide([trainings["r@0"]])
    (recipe,) = decide_recipes({"r": trainings}, 0.05)
    assert adapter["timing.recall"].verdict == recipe.differences["timing.recall"].verdict == "inconclusive"
    same = {name: {"timing.recall": Paired(ids, (0.0,) * 8, ids, identical=True)} for name in trainings}
    assert decide_recipes({"r": same}, 0.05)[0].differences["timing.recall"].verdict == "equivalent"


def test_equal_texts_with_other_probabilities_of_a_call_are_not_equivalent() -> None:
    kinds = [True] * 4 + [False] * 4

    def scores(*values: float) -> list[CallScore]:
        return [
            CallScore(str(at), str(at), kind, value) for at, (kind, value) in enumerate(zip(kinds, values, strict=True))
        ]

    base = scores(0.9, 0.8, 0.7, 0.4, 0.6, 0.3, 0.2, 0.1)
    other = scores(0.9, 0.8, 0.5, 0.4, 0.6, 0.3, 0.2, 0.1)
    rounded = scores(0.9000001, 0.8, 0.7, 0.4, 0.6, 0.3, 0.2, 0.1)
    verdicts = [
        found.verdict
        for candidate in (other, rounded)
        for found in decide_areas({"mine": pair_scores(base, candidate, identical=True)}).values()
    ]
    assert verdicts == ["inconclusive", "equivalent"]
