"""The curve of a training goes on where its checkpoint is, and is thinned for the record."""

from __future__ import annotations

from toolmark.trainers.pocket.training_curve import TrainingCurve


def test_a_curve_forgets_steps_that_will_be_done_again(tmp_path):
    curve = TrainingCurve(tmp_path / "curve.jsonl", 0)
    for step in range(1, 201):
        curve.add({"step": step, "loss": 1 / step})

    again = TrainingCurve(tmp_path / "curve.jsonl", 150)
    assert [point["step"] for point in again.points] == list(range(1, 151))
    sample = [point["step"] for point in again.sample(60)]
    assert len(sample) == 60
    assert sample == sorted(set(sample))
    assert (sample[0], sample[-1]) == (1, 150)
    assert again.final("loss", steps=2) == {"loss": round((1 / 149 + 1 / 150) / 2, 4)}
