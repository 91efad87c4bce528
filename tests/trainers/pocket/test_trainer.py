"""A whole training on a tiny budget: what it leaves behind, and that a kill changes nothing."""

from __future__ import annotations

import json

import pytest
from safetensors.torch import load_file

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hashing import file_hash
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.plugins.protocols import Trainer
from toolmark.trainers.host import run_training
from toolmark.trainers.pocket.trainer import PocketOptions, PocketTrainer, learning_rate, schedule
from toolmark.trainers.training_job import TrainingJob

TINY = PocketOptions(tokens=2 * 2048, batch_tokens=2048, threads=1, precision="float32", checkpoint_minutes=0)


class Killed(Exception):
    pass


def train(data, out, options=TINY, kill_at=None):
    def log(point):
        if point["step"] == kill_at:
            raise Killed

    run_training(PocketTrainer(), TrainingJob(data=data, out=out, seed=3), options, log, lambda _: None)


@pytest.fixture(scope="module")
def trained(trace_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "tiny"
    train(trace_folder, out)
    return out


def test_it_is_a_trainer():
    assert isinstance(PocketTrainer(), Trainer)


def test_a_training_leaves_a_model_that_loads(trained):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(trained)
    tokenizer = AutoTokenizer.from_pretrained(trained)
    end_of_turn = tokenizer.convert_tokens_to_ids("<end_of_turn>")

    assert type(model).__name__ == "Gemma3ForCausalLM"
    assert model.num_parameters() < 4_000_000
    assert model.generation_config.eos_token_id == [tokenizer.eos_token_id, end_of_turn]
    assert not model.generation_config.do_sample
    assert "start_of_turn" in tokenizer.chat_template
    assert not (trained / "resume.pt").exists(), "a pickle was left beside the weights"


def test_the_record_tells_how(trained):
    record = WrittenRecord.read(trained)
    points = [json.loads(line) for line in (trained / "curve.jsonl").read_text().splitlines()]

    assert record.weights_sha256 == file_hash(trained / "model.safetensors")
    assert record.command.startswith("toolmark train pocket --data traces-of-two-kinds0 --out tiny --seed 3 --tokens")
    assert [point["step"] for point in points] == [1, 2, 3] == [point["step"] for point in record.curve]
    assert points[-1]["loss"] < points[0]["loss"]
    assert record.weights_sha256 in (trained / "README.md").read_text()


@pytest.mark.slow
def test_a_killed_training_ends_with_the_same_weights(trained, trace_folder, tmp_path):
    with pytest.raises(Killed):
        train(trace_folder, tmp_path, kill_at=2)
    train(trace_folder, tmp_path, TINY.model_copy(update={"checkpoint_minutes": 9.0}))

    unbroken, resumed = (load_file(folder / "model.safetensors") for folder in (trained, tmp_path))
    assert all(unbroken[name].equal(resumed[name]) for name in unbroken)
    assert len((tmp_path / "curve.jsonl").read_text().splitlines()) == 3


@pytest.mark.slow
def test_a_checkpoint_of_another_training_is_refused(trace_folder, tmp_path):
    with pytest.raises(Killed):
        train(trace_folder, tmp_path, kill_at=2)
    with pytest.raises(InputError, match=r"other values of lr\."):
        train(trace_folder, tmp_path, TINY.model_copy(update={"lr": 1.0}))


def test_a_finished_model_is_not_overwritten(trained, trace_folder):
    with pytest.raises(InputError, match="already contains a finished model"):
        train(trace_folder, trained)


def test_missing_data_are_named(tmp_path):
    with pytest.raises(InputError, match="there is no trace dataset at"):
        train(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty" / "traces").mkdir(parents=True)
    with pytest.raises(InputError, match="is not a trace dataset"):
        train(tmp_path / "empty", tmp_path / "out")


def test_rows_grow_and_the_rate_falls():
    lengths = schedule(1_000_000, 4096)
    rates = [learning_rate(step, len(lengths), 1.0) for step in range(len(lengths))]
    assert lengths == sorted(lengths)
    assert {512, 1024, 2048} == set(lengths)
    assert max(rates) == 1.0
    assert rates[0] < 0.2
    assert rates[-1] < 0.03
