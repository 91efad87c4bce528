"""What is learnt, token by token, and how it lies in rows."""

from __future__ import annotations

import random

import pytest

from benchmark.dialects.json import Json
from benchmark.dialects.tagged import Tagged
from benchmark.engine.encoding import Encoded
from benchmark.errors import InputError
from trainers.packing import POOL, Packer, conversation_sequences

EXPECTED = {
    "json": [
        '{"name": "get_weather", "arguments": {"city": "Łódź"}}<end_of_turn>',
        "Clear, 21 degrees.<end_of_turn>",
    ],
    "tagged": [
        '<tool_call>{"tool_name": "get_weather", "args": {"city": "Łódź"}}</tool_call><end_of_turn>',
        "<final_answer>Clear, 21 degrees.</final_answer><end_of_turn>",
    ],
}


def runs(encoded: Encoded) -> list[list[int]]:
    """The ids of each unbroken stretch of supervised tokens."""
    found: list[list[int]] = []
    for index, (token, mine) in enumerate(zip(encoded.ids, encoded.supervised, strict=True)):
        if mine and (index == 0 or not encoded.supervised[index - 1]):
            found.append([])
        if mine:
            found[-1].append(token)
    return found


@pytest.mark.parametrize("dialect", [Json(), Tagged()], ids=lambda dialect: dialect.name)
def test_exactly_the_model_s_own_tokens_are_supervised(dialect, called, tokenizer):
    (encoded,) = conversation_sequences(*called, dialect, tokenizer)

    end_of_turn = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    replies = [text.removesuffix("<end_of_turn>") for text in EXPECTED[dialect.name]]
    expected = [[*tokenizer(reply, add_special_tokens=False)["input_ids"], end_of_turn] for reply in replies]
    assert runs(encoded) == expected
    assert [tokenizer.decode(ids) for ids in expected] == EXPECTED[dialect.name]
    assert encoded.ids.count(tokenizer.bos_token_id) == 1
    assert encoded.ids[0] == tokenizer.bos_token_id
    assert "degrees" in tokenizer.decode(encoded.ids).partition("<end_of_turn>\n<start_of_turn>user\n")[2]


def stream(*lengths: int):
    return (Encoded([1, *[7] * (length - 2), 9], [False] * (length - 1) + [True]) for length in lengths)


def test_rows_hold_whole_sequences_and_little_padding():
    draw = random.Random(0)
    lengths = [draw.randint(5, 60) for _ in range(2000)]
    rows = list(Packer(stream(*lengths), pad=0, prompt_weight=0.1).rows(128))

    assert {len(row.ids) for row in rows} == {128}
    assert all(row.ids.count(1) == row.ids.count(9) for row in rows), "a sequence was cut"
    assert sum(row.ids.count(0) for row in rows) < 0.02 * 128 * len(rows)
    for row in rows:
        for token, weight, answer in zip(row.ids, row.weights, row.answer, strict=True):
            assert (weight, answer) == {0: (0.0, False), 1: (0.0, False), 7: (0.1, False), 9: (1.0, True)}[token]


def test_what_is_too_long_waits_for_longer_rows():
    packer = Packer(stream(*[50, 200] * 600), pad=0, prompt_weight=0.1)
    short = packer.rows(100)
    assert [next(short).ids.count(1) for _ in range(50)] == [2] * 50
    longer = [row.ids.count(7) for row in packer.rows(256)]
    assert longer.count(198 + 48) + longer.count(198) > len(longer) / 2


def test_data_that_never_fit_are_refused():
    with pytest.raises(InputError, match="row of 10 tokens"):
        next(Packer(stream(*[20] * (POOL + 1)), pad=0, prompt_weight=0.1).rows(10))
