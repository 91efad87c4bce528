"""Batches as prefix trees: every conversation's ids are there once, and the gradients are those of one at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, Qwen3Config

from toolmark.benchmark.engine.encoding import Encoded
from toolmark.benchmark.engine.prefix_attention import register
from toolmark.trainers.finetuning import tree_attention
from toolmark.trainers.finetuning.batch_layout import batch_loss, packed_rows, padded_rows
from toolmark.trainers.finetuning.shared_prefixes import pack

SMALL = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": 0,
}
CONFIGS = {
    "gemma3": Gemma3TextConfig(
        **SMALL,
        sliding_window=20,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        query_pre_attn_scalar=8,
    ),
    "llama": LlamaConfig(**SMALL),
    "qwen3": Qwen3Config(**SMALL, use_sliding_window=True, sliding_window=20, max_window_layers=1),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def conversation(draw: random.Random, prompt: list[int]) -> Encoded:
    """A prompt, a turn to learn, a result to read, a turn to learn."""
    turns = [(draw.randint(1, 6), True), (draw.randint(1, 5), False), (draw.randint(1, 4), True)]
    ids, supervised = list(prompt), [False] * len(prompt)
    for length, mine in turns:
        ids += [draw.randrange(10, 97) for _ in range(length)]
        supervised += [mine] * length
    return Encoded(ids, supervised)


def batch(seed: int) -> list[Encoded]:
    """Conversations over prefixes of prefixes, longer and shorter than the window; two of one prompt, one of none."""
    draw = random.Random(seed)

    def tokens(count: int) -> list[int]:
        return [draw.randrange(10, 97) for _ in range(count)]

    root = tokens(35)
    boxes = [root + tokens(40), root + tokens(33), root]
    prompts = [box + tokens(draw.randint(1, 9)) for box in boxes for _ in range(3)]
    return [conversation(draw, prompt) for prompt in (*prompts, prompts[0], tokens(7))]


@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_every_conversation_is_in_the_row(seed, order):
    conversations = batch(seed)
    order.shuffle(conversations)
    row = pack(conversations)
    assert row.tokens == sum(len(one.ids) for one in conversations)
    assert len(row.ids) < row.tokens
    read = []
    for part in row.parts:
        places = [place for one in (*part.path, part) for place in range(one.first, one.first + one.tokens)]
        assert [row.positions[place] for place in places] == list(range(len(places)))
        targets = {place + 1: target for place, target in zip(row.predicted_from, row.targets, strict=True)}
        learnt = [(at, targets[place + 1]) for at, place in enumerate(places) if place + 1 in targets]
        if learnt:
            ids = [row.ids[place] for place in places]
            assert [ids[at + 1] if at + 1 < len(ids) else None for at, _ in learnt[:-1]] == [t for _, t in learnt[:-1]]
            read.append((ids, [at + 1 for at, _ in learnt]))
    expected = [(one.ids, [at for at, mine in enumerate(one.supervised) if mine]) for one in conversations]
    assert sorted(read) == sorted(expected)


def gradients(name: str, batches: list[dict], targets: int) -> tuple[float, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(CONFIGS[name], dtype=torch.float32)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, lora_dropout=0.0)
    adapted = get_peft_model(model, config).train()
    total = 0.0
    for one in batches:
        loss = batch_loss(adapted, one, targets)
        loss.backward()
        total += loss.item()
    return total, {key: weight.grad for key, weight in adapted.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize(("layout", "block"), [(packed_rows, 384), (packed_rows, 16), (padded_rows, 384)])
@pytest.mark.parametrize("name", CONFIGS)
def test_the_gradients_are_those_of_one_at_a_time(name, layout, block, monkeypatch):
    register()
    monkeypatch.setattr(tree_attention, "_BLOCK", block)  # in 16 a prefix is cut, and not all siblings go together
    conversations = batch(5)
    count = sum(sum(one.supervised) for one in conversations)
    loss, expected = gradients(name, [padded_rows([one]) for one in conversations], count)
    together, found = gradients(name, [layout(conversations)], count)
    assert together == pytest.approx(loss, rel=1e-5)
    assert found.keys() == expected.keys()
    for key, gradient in expected.items():
        torch.testing.assert_close(found[key], gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", CONFIGS)
def test_bfloat16_costs_no_more_than_the_models_own_passes_lose(name):
    register()
    conversations = batch(6)
    count = sum(sum(one.supervised) for one in conversations)
    loss, exact = gradients(name, [packed_rows(conversations)], count)

    def lost(layout) -> float:
        with torch.autocast("cpu", torch.bfloat16):
            coarse, found = gradients(name, [layout(conversations)], count)
        assert coarse == pytest.approx(loss, rel=0.02)
        one, other = (torch.cat([part[key].flatten() for key in exact]) for part in (exact, found))
        return 1 - float(torch.cosine_similarity(one, other, 0))

    assert lost(packed_rows) < 3 * lost(padded_rows)
