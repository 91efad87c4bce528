"""The tokenizer of `pocket`: nothing is lost, digits stand alone, turns alternate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError

from toolmark.trainers.pocket.tokenizer import SPECIAL, train_tokenizer

TOKENIZER = train_tokenizer(['{"name": "add", "arguments": {"a": 12}}', "the weather of the city"] * 9, context=64)


@given(st.text())
def test_every_string_survives(text):
    assert TOKENIZER.decode(TOKENIZER(text, add_special_tokens=False)["input_ids"]) == text


def test_special_tokens_come_first_and_digits_alone():
    assert TOKENIZER.convert_tokens_to_ids(list(SPECIAL)) == list(range(len(SPECIAL)))
    assert TOKENIZER.tokenize("x 2048.5") == ["x", "Ġ", "2", "0", "4", "8", ".", "5"]


def test_turns_are_gemma_s():
    turns = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": " u "},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "v"},
    ]
    assert TOKENIZER.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) == (
        "<bos><start_of_turn>user\nS\n\nu<end_of_turn>\n<start_of_turn>model\na<end_of_turn>\n"
        "<start_of_turn>user\nv<end_of_turn>\n<start_of_turn>model\n"
    )


@pytest.mark.parametrize("roles", [["assistant"], ["user", "user"], ["user", "tool"]])
def test_turns_must_alternate(roles):
    with pytest.raises(TemplateError, match="alternate"):
        TOKENIZER.apply_chat_template([{"role": role, "content": "x"} for role in roles], tokenize=False)
