"""`toolmark.json` comes back as it was written, and what is no record is named."""

from __future__ import annotations

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.trainers.curve import Curve
from toolmark.trainers.record import RECORD, Base, Data, Record


def test_a_record_comes_back(tmp_path):
    record = Record(
        trainer="lora",
        command="toolmark train lora",
        seed=1,
        options={"rank": 16},
        base=Base(id="pocket", weights="0" * 16),
        dialects=("tagged",),
        template_sha256="0",
        data=Data(manifest_sha256="1", conversations=2, tools=("a", "b")),
        weights_sha256="2",
        tokens=3,
        seconds=4.0,
        losses={"loss": 1.0},
        versions={},
        curve=[{"step": 1, "loss": 1.0}],
    )
    record.write(tmp_path)
    assert Record.read(tmp_path) == record


def test_what_is_no_record_is_named(tmp_path):
    with pytest.raises(InputError, match=r"has no toolmark\.json"):
        Record.read(tmp_path)
    (tmp_path / RECORD).write_text("{}")
    with pytest.raises(InputError, match="is no training record"):
        Record.read(tmp_path)


def test_a_curve_forgets_steps_that_will_be_done_again(tmp_path):
    curve = Curve(tmp_path / "curve.jsonl", 0)
    for step in range(1, 201):
        curve.add({"step": step, "loss": 1 / step})

    again = Curve(tmp_path / "curve.jsonl", 150)
    assert [point["step"] for point in again.points] == list(range(1, 151))
    sample = [point["step"] for point in again.sample(60)]
    assert len(sample) == 60
    assert sample == sorted(set(sample))
    assert (sample[0], sample[-1]) == (1, 150)
    assert again.final("loss", steps=2) == {"loss": round((1 / 149 + 1 / 150) / 2, 4)}
