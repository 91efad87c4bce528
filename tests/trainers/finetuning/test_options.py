"""The options of trainings refuse numbers without a meaning."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from toolmark.trainers.finetuning.options import LoraOptions


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"shares": {"easy": -0.25}}, "easy -0.25"),
        ({"shares": {"easy": 1.5}}, "easy 1.5"),
        ({"shares": {"easy": math.nan}}, "finite"),
        ({"epochs": math.inf}, "finite"),
    ],
)
def test_numbers_without_a_meaning_are_refused(given, named):
    with pytest.raises(ValidationError, match=named):
        LoraOptions(**given)
