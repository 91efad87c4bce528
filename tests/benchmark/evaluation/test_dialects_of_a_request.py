"""Tests which dialect is chosen for each candidate of a request, and the reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import names
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request

CASES = str(Path(__file__).parents[3] / "suites" / "cases" / "either.test.jsonl")


def spoken(*models: str, dialect: str | None = None, adapters: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    evaluation = Evaluation(Request(models=models, adapters=adapters, cases=CASES, dialect=dialect))
    return [(one.dialect.name, one.dialect_reason) for one in evaluation.contestants]


def trained(folder: Path, *dialects: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "gemma-3-1b-it"}))
    (folder / "adapter_model.safetensors").touch()
    (folder / "toolmark.json").write_text(json.dumps({"dialects": dialects}))
    return str(folder)


@pytest.mark.parametrize(
    ("model", "dialect", "why"),
    [
        ("pocket", "tagged", "default"),
        ("gemma-3-1b-it", "pythonic", "default of the family Gemma 3"),
        ("functiongemma-270m-it", "functiongemma", "default of the family FunctionGemma"),
        ("hub/Someone/Qwen3-0.6B-mine", "hermes", "default of the family Qwen"),
        ("llama-3.2-1b-instruct", "llama3", "default of the family Llama 3"),
        ("mistralai/Ministral-8B-Instruct-2410", "mistral", "default of the family Mistral"),
        ("smollm2-360m-instruct", "tagged", "default"),
        ("openai/gpt-4.1", "tagged", "default"),
    ],
)
def test_a_base_has_the_dialect_of_its_family(model: str, dialect: str, why: str) -> None:
    assert spoken(model) == [(dialect, why)]


def test_a_trained_model_has_the_dialect_of_its_record(pocket: Path, tmp_path: Path) -> None:
    mine = tmp_path / "gemma-3-mine"
    mine.mkdir()
    shutil.copy(pocket / "config.json", mine)
    assert spoken(str(mine)) == [("pythonic", "default of the family Gemma 3")]
    (mine / "toolmark.json").write_text(json.dumps({"dialects": ["json"]}))
    assert spoken(str(mine)) == [("json", "the model was trained in this dialect")]


def test_an_adapter_s_dialect_comes_before_the_family_and_binds_the_base(tmp_path: Path) -> None:
    adapter = trained(tmp_path / "a", "hermes")
    assert spoken("gemma-3-1b-it", adapters=(adapter,)) == [("hermes", "the adapter was trained in this dialect")] * 2
    assert spoken("gemma-3-1b-it", adapters=(adapter,), dialect="json") == [("json", "chosen by --dialect")] * 2
    with pytest.raises(InputError, match="different dialects: hermes, tagged"):
        spoken("gemma-3-1b-it", adapters=(adapter, trained(tmp_path / "b", "tagged")))
    with pytest.raises(InputError, match="must name exactly one dialect"):
        spoken("gemma-3-1b-it", adapters=(trained(tmp_path / "c", "hermes", "tagged"),))


def test_every_dialect_can_be_chosen() -> None:
    for name in names("toolmark.dialects"):
        assert spoken("gemma-3-1b-it", dialect=name) == [(name, "chosen by --dialect")]


def test_a_run_records_how_long_it_took_and_is_the_same_run(tmp_path: Path) -> None:
    def answered() -> tuple[Path, list[float | None]]:
        evaluation = Evaluation(Request(models=("policy/lexical",), cases=CASES, limit=9, runs=tmp_path))
        evaluation.run(logs=False)
        run = evaluation.contestants[0].run
        return run.folder, [said.usage.seconds for said in run.completions.values()]

    folder, seconds = answered()
    assert len(seconds) == 9
    assert all(second is not None and 0 <= second < 60 for second in seconds)
    assert answered() == (folder, seconds)  # reused, as it was recorded
