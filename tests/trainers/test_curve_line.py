"""The newest point of a training's curve in words."""

from __future__ import annotations

import pytest

from toolmark.trainers.curve_line import curve_line


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({"step": 0, "of": 300}, "step 0 of 300"),
        (
            {"step": 12, "of": 3000, "loss": 1.25, "seconds_left": 250.0},
            "step 12 of 3,000, about 4 minutes left, loss 1.25",
        ),
        ({"step": 7, "reward": 0.5}, "step 7, reward 0.5"),
    ],
)
def test_a_point_in_words(point, said):
    assert curve_line(point) == said
