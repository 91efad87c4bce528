"""A training that was interrupted between two judged checkpoints ends as without the interruption."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.trainers.made import said_in_training
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.trainers.finetuning import training_progress
from toolmark.trainers.finetuning.options import LoraOptions
from toolmark.trainers.lora import LoraTrainer

QUICK = LoraOptions(r=4, epochs=6, shares={}, score_every=5, threads=1, precision="float32", lr=1e-2)


def train(
    base: Path, data: Path, dev: Path, out: Path, log: Callable[[Mapping[str, float]], None] = lambda _: None
) -> list[str]:
    where = {"data": data, "out": out, "base": str(base), "dev": str(dev)}
    return said_in_training(LoraTrainer(), QUICK, log, **where, dialect="tagged")


def test_between_two_judged_checkpoints_a_training_also_resumes(base, data, dev, tmp_path, monkeypatch):
    def stop(point: Mapping[str, float]) -> None:
        if point["step"] == 8:
            raise KeyboardInterrupt

    train(base, data, dev, tmp_path / "unbroken")
    monkeypatch.setattr(training_progress, "SECONDS_TO_SAVE", 0.0)  # as if every step took a long time
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt, match="checkpoint-7"):
        train(base, data, dev, out, log=stop)
    kept = {folder.name for folder in (out / "checkpoints").glob("checkpoint-*")}
    assert kept == {"checkpoint-5", "checkpoint-7"}, "a checkpoint that nobody needs was kept"
    assert any("Resuming at step 7 of 15." in line for line in train(base, data, dev, out))
    unbroken, resumed = (WrittenRecord.read(folder) for folder in (tmp_path / "unbroken", out))
    assert resumed.weights_sha256 == unbroken.weights_sha256
    judged = [[point for point in record.curve if "timing.recall" in point] for record in (unbroken, resumed)]
    assert [point["step"] for point in judged[0]] == [5, 10, 15]
    assert judged[0] == judged[1]
