"""Tests that the shipped adapter is the one that its record and its recipe describe, and that its demo succeeds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from toolmark.benchmark.candidates.recipes import read_recipe
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.verdicts.comparison import Comparison

ROOT = Path(__file__).parents[2]
FOLDER = Path(resolve("pocket-lora").adapter or "")
RECORD = json.loads((FOLDER / "toolmark.json").read_text())
SHA256 = "53e594b37cfb0c78156dc731bfa3405aab75c737380071c2852d2887365bb8b5"
REPLAYS = [str(ROOT / "docs" / "replays" / f"generated-{name}.jsonl.gz") for name in ("pocket", "pocket-lora")]


def assert_the_fine_tune_helped(comparison: Comparison) -> None:
    (tuned,) = comparison.compared
    verdicts = {metric: difference.verdict for metric, difference in tuned.differences.items()}
    assert {verdicts["selection.tool"], verdicts["validity.call"]} == {"improved"}
    assert "regressed" not in verdicts.values()


def test_the_weights_are_small_and_the_recorded_ones():
    weights = FOLDER / "adapter_model.safetensors"
    assert weights.stat().st_size <= 3_000_000
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == SHA256
    assert (resolve("pocket:pocket-lora"), resolve("pocket-lora").name) == (resolve("pocket-lora"), "pocket-lora")
    with pytest.raises(InputError, match="pocket-lora is an adapter of pocket, not of gemma-3-1b-it"):
        resolve("gemma-3-1b-it:pocket-lora")


def test_the_record_has_the_options_of_the_recipe():
    recipe = read_recipe(ROOT / "trainers" / "recipes" / "pocket-lora.toml")
    own = {key: value for key, value in recipe.trainer.options.items() if key not in ("dev", "dev_limit")}
    assert own.items() <= RECORD["options"].items()
    assert RECORD["seed"] == recipe.seed


def test_the_recorded_answers_give_the_verdicts_of_the_demo():
    assert_the_fine_tune_helped(
        evaluate(Request(models=(REPLAYS[1],), baseline=REPLAYS[0], cases="generated", limit=300), logs=False)
    )


@pytest.mark.slow
def test_the_demo_succeeds_on_this_machine(tmp_path):
    request = Request(models=("pocket",), adapters=("pocket-lora",), cases="generated", limit=300, runs=tmp_path)
    assert_the_fine_tune_helped(evaluate(request))
