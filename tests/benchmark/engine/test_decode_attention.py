"""A decoding step gives the attention of each query alone, however many draft tokens the sequences have."""

from __future__ import annotations

import pytest
import torch

from toolmark.benchmark.engine.decode_attention import Decode
from toolmark.benchmark.engine.kv_cache import PAGE, KVBlock, OwnTokens, PagePool

KEY_HEADS, GROUPS, SIZE, SCALE = 2, 3, 8, 0.3
SHARED = 50
LENGTHS = (1, PAGE - 2, PAGE, 2 * PAGE + 7, 30, 3)
"""Tokens of each sequence that are already stored, after the shared ones."""


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape)


@pytest.mark.parametrize("window", [None, 20, 200])
@pytest.mark.parametrize(
    "counts",
    [
        pytest.param((1, 1, 1, 1, 1, 1), id="no draft"),
        pytest.param((1, 8, 1, 1, 1, 1), id="one draft"),
        pytest.param((3, 1, 1, 1, 8, 1), id="two drafts of different lengths"),
        pytest.param((2, 8, 4, 3, 5, 2), id="a draft in each sequence"),
    ],
)
def test_each_query_gets_its_own_attention(counts: tuple[int, ...], window: int | None) -> None:
    torch.manual_seed(0)
    block = KVBlock(0, SHARED)
    shared = random(KEY_HEADS, SHARED, SIZE), random(KEY_HEADS, SHARED, SIZE)
    block.write(0, *shared)
    block.length = SHARED
    pool = PagePool()
    stores = [OwnTokens(pool, SHARED) for _ in LENGTHS]
    earlier = [(random(KEY_HEADS, length, SIZE), random(KEY_HEADS, length, SIZE)) for length in LENGTHS]
    for store, (keys, values) in zip(stores, earlier, strict=True):
        store.write(0, keys, values)
        store.length = keys.shape[1]
    new = sum(counts)
    query, key, value = (
        random(KEY_HEADS * GROUPS, new, SIZE),
        random(KEY_HEADS, new, SIZE),
        random(KEY_HEADS, new, SIZE),
    )
    step = Decode(pool, stores, counts, {block: range(len(counts))})
    found = step.attend(0, query, key, value, SCALE, window)

    begin = 0
    for number, count in enumerate(counts):
        here = slice(begin, begin + count)
        keys, values = (
            torch.cat([one, two, three[:, here]], dim=1).repeat_interleave(GROUPS, 0)
            for one, two, three in zip(shared, earlier[number], (key, value), strict=True)
        )
        for place in range(count):
            end = SHARED + LENGTHS[number] + place + 1
            first = 0 if window is None else max(0, end - window)
            scores = torch.einsum("hd,hkd->hk", query[:, begin + place], keys[:, first:end]) * SCALE
            expected = torch.einsum("hk,hkd->hd", scores.softmax(-1), values[:, first:end])
            torch.testing.assert_close(found[:, begin + place], expected, rtol=1e-4, atol=1e-5)
        begin += count
