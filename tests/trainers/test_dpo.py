"""Trainings with `dpo` on a real tiny model: the pairs, the start, and that an interruption changes nothing."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.forked.commands import Commands
from tests.trainers.made import TOOLS, dataset, said_in_training, same_weights, traces
from toolmark.benchmark.candidates.fingerprint import adapter_hash
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.plugins.protocols import Trainer
from toolmark.trainers.dpo import DpoTrainer
from toolmark.trainers.finetuning.encoded_examples import EncodedExamples
from toolmark.trainers.own_answers.options import DpoOptions

QUICK = DpoOptions(
    samples=2, pairs=1, epochs=2, batch=4, score_every=5, threads=1, precision="float32", lr=1e-3, answer_tokens=8
)


def train(
    base: Path,
    adapter: Path | str,
    data: Path,
    dev: Path,
    out: Path,
    options: DpoOptions = QUICK,
    log: Callable[[Mapping[str, float]], None] = lambda _: None,
) -> list[str]:
    where = {"data": data, "out": out, "base": str(base), "adapter": str(adapter), "dev": str(dev)}
    return said_in_training(DpoTrainer(), options, log, **where, max_tokens=16)


@pytest.fixture(scope="module")
def trained(base, adapter, data, dev, tmp_path_factory) -> tuple[Path, list[str]]:
    out = tmp_path_factory.mktemp("trained") / "mine"
    return out, train(base, adapter, data, dev, out)


def test_it_is_a_trainer():
    assert isinstance(DpoTrainer(), Trainer)


def test_gold_stands_beside_wrong_answers_with_their_cause(trained, base, data):
    out, said = trained
    pairs = [json.loads(line) for line in (out / "pairs.jsonl").read_text().splitlines()]
    gold = EncodedExamples(TraceDataset(data), Tagged(), base, print).of("train")
    assert len(pairs) == len({pair["question"] for pair in pairs}) == 20
    for pair in pairs:  # the tiny model is never right
        assert (pair["own"], pair["chosen"]) == (False, next(gold[pair["question"]].turns())[1])
        assert pair["cause"] in {"no_call", "over_call", "truncated", "unparseable"}
        assert pair["rejected"] != pair["chosen"]
    assert any("20 pairs from 20 questions" in line for line in said)


def test_the_tools_of_the_first_training_count_as_seen(base, adapter, dev, tmp_path):
    fewer = [trace for trace in traces() if trace.toolbox.tools == TOOLS[1:]]
    out = tmp_path / "out"
    train(base, adapter, dataset(tmp_path / "fewer", fewer), dev, out)
    first, record = WrittenRecord.read(adapter), WrittenRecord.read(out)
    assert record.data.tools == first.data.tools == tuple(sorted(tool.schema_hash for tool in TOOLS))
    assert record.base is not None
    assert record.base.adapter == adapter_hash(adapter)

    unknown = shutil.copytree(adapter, tmp_path / "unknown", ignore=shutil.ignore_patterns("toolmark.json"))
    train(base, unknown, tmp_path / "fewer", dev, tmp_path / "other")
    assert WrittenRecord.read(tmp_path / "other").data.tools is None


def test_the_adapter_is_moved_from_its_start_towards_the_right_answers(trained, adapter):
    out, _ = trained
    record = WrittenRecord.read(out)
    before, after = (load_file(folder / "adapter_model.safetensors") for folder in (adapter, out))
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    losses = [point["loss"] for point in record.curve if "loss" in point]
    assert losses[0] == pytest.approx(0.6931, abs=1e-3), "the reference is not the start"
    assert losses[-1] < losses[0]
    assert record.dialects == ("tagged",), "the dialect of the adapter is not kept"
    assert f"--adapter {adapter.name} " in record.command
    assert not (out / "ref").exists()


def test_an_interruption_changes_no_byte(trained, base, adapter, data, dev, tmp_path):
    def stop(point: Mapping[str, float]) -> None:
        if point["step"] == 7:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt, match="checkpoint-5"):
        train(base, adapter, data, dev, out, log=stop)
    assert any("Resuming at step 5 of 10." in line for line in train(base, adapter, data, dev, out))
    assert same_weights(out, trained[0])


@pytest.mark.slow
def test_kills_at_named_points_leave_the_same_bytes(trained, base, adapter, data, dev, tmp_path, warm: Commands):
    flags = ["--samples", "2", "--pairs", "1", "--epochs", "2", "--batch", "4", "--score-every", "5", "--threads", "1"]
    flags += ["--precision", "float32", "--lr", "0.001", "--answer-tokens", "8", "--max-tokens", "16"]
    where = ["--base", str(base), "--adapter", str(adapter), "--data", str(data), "--dev", str(dev)]
    training = ["train", "dpo", *where, "--out", str(tmp_path / "out"), "--dev-limit", "2", *flags]
    for point in ("*/pairs.jsonl", "*/checkpoint-5/trainer_state.json", "*/out/adapter_model.safetensors"):
        ended = warm.start("toolmark", *training, kill_at=point).wait()
        assert ended.returncode == -signal.SIGKILL, (point, ended.said)
    done = warm(*training)
    assert done.code == 0, done.said
    assert same_weights(tmp_path / "out", trained[0])


def test_sampled_answers_of_other_options_are_not_used(base, adapter, data, dev, tmp_path):
    def stop(_: Mapping[str, float]) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train(base, adapter, data, dev, out, log=stop)
    assert (out / "pairs.jsonl").exists()
    with pytest.raises(InputError, match=r"other values of samples, temperature\."):
        train(base, adapter, data, dev, out, QUICK.model_copy(update={"samples": 8, "temperature": 0.7}))


def test_causes_without_weight_are_not_read(base, adapter, data, dev, tmp_path):
    every = dict.fromkeys(("no_call", "over_call", "truncated", "unparseable", "foreign_format"), 0.0)
    with pytest.raises(InputError, match=r"leaves none of the pairs: .*no_call.*another --out"):
        train(base, adapter, data, dev, tmp_path / "out", QUICK.model_copy(update={"weights": every}))


def test_a_training_without_a_start_is_refused(base, data, dev, tmp_path):
    with pytest.raises(InputError, match=r"starts from an adapter.*toolmark train lora.*--adapter DIR"):
        train(base, "", data, dev, tmp_path / "out")
    assert not (tmp_path / "out").exists()
