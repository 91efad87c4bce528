"""What is learnt, token by token, and how it lies in rows."""

from __future__ import annotations

import copy
import random

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.engine.conversation_ids import conversation_sequences
from toolmark.benchmark.engine.encoding import Encoded
from toolmark.benchmark.engine.rendered_prompts import openai_turns
from toolmark.trainers.pocket.row_packing import POOL, RowPacker

SHOWS_TOOLS = (
    "{{ bos_token }}{% for t in tools or [] %}{{ t.function | tojson }}\n{% endfor %}"
    "{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>\n"
    '{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}'
    "\n</tool_call>\n{% endfor %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>assistant\n{% endif %}"
)

EXPECTED = {
    "functiongemma": [
        "<start_function_call>call:get_weather{city:<escape>Łódź<escape>}<end_function_call><end_of_turn>",
        "Clear, 21 degrees.<end_of_turn>",
    ],
    "hermes": [
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Łódź"}}\n</tool_call><end_of_turn>',
        "Clear, 21 degrees.<end_of_turn>",
    ],
    "json": [
        '{"name": "get_weather", "arguments": {"city": "Łódź"}}<end_of_turn>',
        "Clear, 21 degrees.<end_of_turn>",
    ],
    "llama3": [
        '{"name": "get_weather", "parameters": {"city": "Łódź"}}<end_of_turn>',
        "Clear, 21 degrees.<end_of_turn>",
    ],
    "mistral": [
        '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Łódź"}}]<end_of_turn>',
        "Clear, 21 degrees.<end_of_turn>",
    ],
    # As its template writes it, the line break before the end of the turn included.
    "native": [
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Łódź"}}\n</tool_call>\n<end_of_turn>',
        "Clear, 21 degrees.<end_of_turn>",
    ],
    "pythonic": ['[get_weather(city="Łódź")]<end_of_turn>', "Clear, 21 degrees.<end_of_turn>"],
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


@pytest.fixture
def showing(tokenizer):
    """The tokenizer, its template one that shows tools and writes calls."""
    shown = copy.deepcopy(tokenizer)
    shown.chat_template = SHOWS_TOOLS
    return shown


@pytest.mark.parametrize("name", sorted(EXPECTED))  # test_learnt_turns.py shows the turns of every dialect
def test_exactly_the_model_s_own_tokens_are_supervised(name, called, tokenizer, showing):
    dialect = load("toolmark.dialects", name)()
    tokenizer = showing if name == "native" else tokenizer
    (encoded,) = conversation_sequences(*called, dialect, tokenizer)

    end_of_turn = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    replies = [text.removesuffix("<end_of_turn>") for text in EXPECTED[name]]
    expected = [[*tokenizer(reply, add_special_tokens=False)["input_ids"], end_of_turn] for reply in replies]
    assert runs(encoded) == expected
    assert [tokenizer.decode(ids) for ids in expected] == EXPECTED[name]
    assert encoded.ids.count(tokenizer.bos_token_id) == 1
    assert encoded.ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(encoded.ids).count("degrees") == 2, "the result is there, and is not learnt"


def test_a_native_conversation_is_what_its_template_writes(called, showing):
    messages, tools = called
    (encoded,) = conversation_sequences(messages, tools, load("toolmark.dialects", "native")(), showing)
    text = showing.apply_chat_template(openai_turns(messages), tools=[t.as_openai() for t in tools], tokenize=False)
    assert encoded.ids == showing(text.rstrip(), add_special_tokens=False)["input_ids"]


def test_a_template_whose_calls_nobody_could_read_is_not_learnt(called, showing):
    showing.chat_template = SHOWS_TOOLS.replace("<tool_call>", "<function>").replace("</tool_call>", "</function>")
    with pytest.raises(InputError, match="which the dialect native cannot read"):
        list(conversation_sequences(*called, load("toolmark.dialects", "native")(), showing))


def stream(*lengths: int):
    return (Encoded([1, *[7] * (length - 2), 9], [False] * (length - 1) + [True]) for length in lengths)


def test_rows_hold_whole_sequences_and_little_padding():
    draw = random.Random(0)
    lengths = [draw.randint(5, 60) for _ in range(2000)]
    rows = list(RowPacker(stream(*lengths), pad=0, prompt_weight=0.1).rows(128))

    assert {len(row.ids) for row in rows} == {128}
    assert all(row.ids.count(1) == row.ids.count(9) for row in rows), "a sequence was cut"
    assert sum(row.ids.count(0) for row in rows) < 0.02 * 128 * len(rows)
    for row in rows:
        for token, weight, answer in zip(row.ids, row.weights, row.answer, strict=True):
            assert (weight, answer) == {0: (0.0, False), 1: (0.0, False), 7: (0.1, False), 9: (1.0, True)}[token]


def test_what_is_too_long_waits_for_longer_rows():
    packer = RowPacker(stream(*[50, 200] * 600), pad=0, prompt_weight=0.1)
    short = packer.rows(100)
    assert [next(short).ids.count(1) for _ in range(50)] == [2] * 50
    longer = [row.ids.count(7) for row in packer.rows(256)]
    assert longer.count(198 + 48) + longer.count(198) > len(longer) / 2


def test_data_that_never_fit_are_refused():
    with pytest.raises(InputError, match="row of 10 tokens"):
        next(RowPacker(stream(*[20] * (POOL + 1)), pad=0, prompt_weight=0.1).rows(10))
