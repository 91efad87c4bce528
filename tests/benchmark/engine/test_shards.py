"""Shards: every prompt once, common beginnings together, and no large shard at the end."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from toolmark.benchmark.engine.workers.shards import LARGEST, SMALLEST, cut

TEXTS = st.lists(st.text("ab", max_size=6), max_size=400)


@given(TEXTS, st.integers(1, 9))
def test_every_prompt_is_in_one_shard_and_beginnings_stay_together(texts, workers):
    prompts = dict(enumerate(texts))
    shards = cut(prompts, workers)
    assert Counter(index for shard in shards for index in shard) == Counter(list(prompts))
    assert all(0 < len(shard) <= 1.5 * LARGEST for shard in shards)
    assert all(len(shard) >= SMALLEST // 2 for shard in shards[:-1])
    for length in range(7):
        beginnings = {text[:length] for text in texts}
        pieces = {(number, prompts[index][:length]) for number, shard in enumerate(shards) for index in shard}
        # Each cut between two shards divides at most one group of equal beginnings.
        assert len(pieces) <= len(beginnings) + max(0, len(shards) - 1)


def test_a_cut_is_between_two_groups_if_one_is_near():
    groups = [f"{name} " * 50 for name in "abcdefghijklmnopqrst"]
    prompts = dict(enumerate(f"{group}{number:03}" for group in groups for number in range(20)))
    shards = cut(prompts, workers=4)
    assert len(shards) > 4
    assert all(len({prompts[index][:2] for index in shard}) == len(shard) / 20 for shard in shards)


def test_the_last_shards_are_small():
    shards = cut({index: f"{index:04} a case" for index in range(1_000)}, workers=2)
    assert len(shards[0]) > 150
    assert max(map(len, shards[-4:])) < 40
