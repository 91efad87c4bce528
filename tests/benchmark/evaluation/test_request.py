"""What is compared with what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.evaluation.checked import checked
from toolmark.benchmark.evaluation.contestant import contestants
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request


def compared(request: Request) -> list[tuple[str, int | None]]:
    return [(candidate.name, baseline) for candidate, baseline in request.candidates()]


def test_with_a_baseline_the_base_of_an_adapter_answers_nothing(tmp_path: Path) -> None:
    adapter = tmp_path / "mine"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "pocket"}))
    (adapter / "adapter_model.safetensors").touch()
    models, adapters = ("pocket",), (str(adapter),)
    assert compared(Request(models, adapters)) == [("pocket", None), ("pocket+mine", 0)]
    recorded = Request(models, adapters, baseline="policy/never")
    assert compared(recorded) == [("policy/never", None), ("pocket+mine", 0)]
    assert compared(Request(models, baseline="policy/never")) == [("policy/never", None), ("pocket", 0)]


def test_a_deployed_model_is_compared_with_the_only_float_model() -> None:
    server, other = "http://127.0.0.1:8080", "https://host/v1#a/b"
    ours = [("pocket", None), ("pocket-lora", 0)]
    lora = Request(("pocket",), ("pocket-lora",), (server, other))
    assert compared(lora) == [*ours, ("deployed/127.0.0.1:8080", 1), ("deployed/host/a/b", 1)]
    assert compared(Request(("pocket",), deployed=(server,))) == [("pocket", None), ("deployed/127.0.0.1:8080", 0)]
    alone = Request(deployed=(server,), baseline="policy/never")
    assert compared(alone) == [("policy/never", None), ("deployed/127.0.0.1:8080", 0)]
    assert compared(Request(deployed=(server,))) == [("deployed/127.0.0.1:8080", None)]
    with pytest.raises(InputError, match="--deployed is compared with one model, but 2 are given"):
        Request(("pocket", "policy/never"), deployed=(server,)).candidates()
    with pytest.raises(InputError, match="--deployed pocket is neither a server nor a GGUF file"):
        Request(deployed=("pocket",)).candidates()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("models", "policy/first", "valid tuple"), ("limit", "3", "valid integer"), ("split", "train", "'dev' or 'test'")],
)
def test_a_field_of_another_type_is_named(field, value, said) -> None:
    with pytest.raises(InputError, match=rf"Request\({field}={value!r}\) has a value of another type.*{said}"):
        evaluate(Request(**{"models": ("policy/first",), "limit": 1, field: value}))


def test_a_floor_is_a_share() -> None:
    with pytest.raises(InputError, match=r"timing.recall=90 is not between 0 and 1.* --floor timing.recall=0\.8"):
        evaluate(Request(("policy/first",), floors=(("timing.recall", 90),)))


RECIPE = 'base = "pocket"\n{}\n[generator]\nname = "template"\n[trainer]\nname = "lora"\n'


@pytest.fixture
def recipes(tmp_path: Path) -> list[str]:
    """Two recipes with the same file name."""
    files = [tmp_path / folder / "same.toml" for folder in ("one", "two")]
    for file in files:
        file.parent.mkdir()
        file.write_text(RECIPE.format("seeds = [1, 2]"))
    return [str(file) for file in files]


def trainings(*adapters: str) -> list[tuple[str, list[str]]]:
    """The recipes that get a verdict, with their trainings."""
    request = Request(("pocket",), adapters)
    groups = checked(contestants(request, request.candidates()))
    return [(one.name, [each.name for each in one.contestants]) for one in groups if len(one.contestants) > 1]


def test_the_trainings_of_one_recipe_with_one_threshold_are_judged_together(recipes: list[str], tmp_path: Path) -> None:
    one, other = recipes
    same, forced = ["pocket+same@1", "pocket+same@2"], ["pocket+same@1@call>0.5", "pocket+same@2@call>0.5"]
    assert trainings(one) == [("pocket+same", same)]
    assert trainings(one, other) == [
        (f"pocket+same#{number}", [f"{name}#{number}" for name in same]) for number in (1, 2)
    ]
    assert trainings(one, f"{one}@call>0.5") == [("pocket+same", same), ("pocket+same@call>0.5", forced)]
    assert trainings(f"{one}@1@call>0.5", f"{one}@2@call>0.5") == [("pocket+same@call>0.5", forced)]
    alone = tmp_path / "alone.toml"
    alone.write_text(RECIPE.format("seed = 4"))
    assert trainings(str(alone)) == []
    assert trainings(str(alone), f"{alone}@5") == [("pocket+alone", ["pocket+alone", "pocket+alone@5"])]


def test_one_training_of_a_recipe_counts_once(recipes: list[str], tmp_path: Path) -> None:
    one, _ = recipes
    (tmp_path / "link.toml").symlink_to(one)
    for again in (f"{one}@1", f"{one}@01", f"{tmp_path}/link.toml@2"):
        with pytest.raises(InputError, match=r"same.toml with the seed [12] is given twice.*Leave out one of the two"):
            Request(("pocket",), (one, again)).candidates()
    Request(("pocket",), (one, f"{one}@3", f"{one}@1@call>0.5")).candidates()
    with pytest.raises(InputError, match="given twice"):
        Request((one, f"{one}@2"), baseline="policy/never").candidates()


def test_a_recipe_in_place_of_a_model_can_have_a_seed(recipes: list[str]) -> None:
    (candidate, _), *others = Request((f"{recipes[0]}@7",)).candidates()
    assert (candidate.name, candidate.revision, candidate.adapter_revision) == ("pocket+same@7", None, "7")
    assert not others
    with pytest.raises(InputError, match="already has the adapter"):
        Request((f"{recipes[0]}@7:pocket-lora",)).candidates()
    Path(recipes[1]).write_text(RECIPE.format("").replace('"pocket"', f'"{recipes[1]}"'))
    with pytest.raises(InputError, match="which is not the name or the path of a model"):
        Request((f"{recipes[1]}@7",)).candidates()
