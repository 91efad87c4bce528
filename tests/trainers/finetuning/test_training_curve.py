"""The curve in a training record."""

from __future__ import annotations

from toolmark.trainers.finetuning.training_progress import training_curve


def test_small_numbers_keep_their_digits():
    history = [{"step": 8, "loss": 1.2345678, "learning_rate": 2.3456789e-6, "grad_norm": 1.0}]
    assert training_curve(history, {}) == [{"step": 8, "loss": 1.2346, "learning_rate": 2.3457e-06}]
