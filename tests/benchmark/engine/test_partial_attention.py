"""Attention in parts is attention: with masks, windows, parts that are completely hidden, and on any device."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from toolmark.benchmark.engine import partial_attention
from toolmark.benchmark.engine.kv_cache import PAGE, OwnTokens, PagePool
from toolmark.benchmark.engine.partial_attention import HIDDEN, _attend, add_part, attend, hidden_keys, sum_parts


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("one_operation", [True, False])
def test_parts_together_are_the_whole(one_operation, monkeypatch):
    monkeypatch.setattr(partial_attention, "_SCORES", 500)  # `_attend` then takes several turns
    query, key, value = drawn(2, 3, 7, 8), drawn(2, 3, 50, 8), drawn(2, 3, 50, 8) + 1
    mask = hidden_keys(torch.arange(43, 50), torch.arange(50), 40, causal=True)
    expected = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=0.3)
    work = attend if one_operation else _attend
    bounds = [(0, 3), (3, 45), (45, 50)]  # the last query attends to no key of the first part
    parts = [work(query, key[:, :, a:b], value[:, :, a:b], 0.3, mask[:, a:b]) for a, b in bounds]
    assert (parts[0][1][..., -1] < HIDDEN / 2).all()

    out, sums = torch.zeros(2, 3, 7, 8), torch.full((2, 3, 7), float("-inf"))
    for part, part_sums in parts:
        add_part(out, sums, part, part_sums)
    torch.testing.assert_close(out, expected, atol=1e-6, rtol=1e-5)

    order = torch.arange(7).repeat(3).flip(0)
    flat = [torch.cat([part[which][0].transpose(0, 1) for part in parts]).flip(0) for which in (0, 1)]
    found = sum_parts(order, flat[0][:, :, None], flat[1][:, :, None], 7)
    torch.testing.assert_close(found[:, :, 0].transpose(0, 1), expected[0], atol=1e-6, rtol=1e-5)


def test_causal_attention_is_the_same_in_single_operations():
    query = drawn(1, 2, 9, 8)
    at = torch.arange(9)
    for found, expected in zip(
        _attend(query, query, query, 1.0, hidden_keys(at, at, None, causal=True)),
        attend(query, query, query, 1.0, causal=True),
        strict=True,
    ):
        torch.testing.assert_close(found, expected)


def test_pages_stay_dense_and_keep_what_was_written():
    pool = PagePool()
    stores = [OwnTokens(pool, start) for start in (0, 5, 9)]
    written = [drawn(2, length, 4) for length in (PAGE + 3, 3 * PAGE, 40 * PAGE)]
    for store, keys in zip(stores, written, strict=True):
        for chunk in keys.split(PAGE - 1, dim=1):
            store.write(0, chunk, -chunk)
            store.length += chunk.shape[1]
    stores[0].free()
    stores[1].free()
    assert sorted(stores[2].pages) == list(range(40)), "the last pages take the places that are free"
    keys, values = stores[2].read(0)
    assert torch.equal(keys, written[2])
    assert torch.equal(values, -written[2])
    assert len(pool.layer(0, keys)[0]) == 40
