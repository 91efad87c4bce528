"""The answers to a question stay in one forward pass, because they share their prompt there."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("trl", reason="the extra `train` is not installed")

from toolmark.trainers.finetuning.training_run import rows_per_pass
from toolmark.trainers.own_answers.reward_training import _by_prompt


@pytest.mark.parametrize(
    ("pass_tokens", "rows"), [(10_000, 48), (2_000, 12), (1_700, 12), (1_100, 6), (500, 3), (150, 1), (1, 1)]
)
def test_a_pass_has_whole_groups_or_an_equal_part_of_one(pass_tokens, rows):
    assert rows_per_pass(48, 100, pass_tokens, group=6) == rows


def test_answers_to_equal_prompts_follow_each_other():
    prompts, answers = torch.tensor([5, 7, 5, 7, 3, 3]), torch.arange(6)
    shuffled = [
        {
            "prompt_ids": prompts[part, None],
            "advantages": answers[part],
            "num_items_in_batch": torch.tensor(9),
            "ref": None,
        }
        for part in torch.tensor([[0, 1], [2, 3], [4, 5]])
    ]
    ordered = _by_prompt(shuffled)
    assert [one["prompt_ids"][:, 0].tolist() for one in ordered] == [[3, 3], [5, 5], [7, 7]]
    assert [one["advantages"].tolist() for one in ordered] == [[4, 5], [0, 2], [1, 3]]
    assert all(one["num_items_in_batch"] == 9 and one["ref"] is None for one in ordered)
