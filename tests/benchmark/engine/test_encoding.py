"""From turns to ids: one BOS, the prompt a prefix of prompt + reply, exactly the reply supervised."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from benchmark.cases import Call, Message, Tool
from benchmark.dialects.json import Json
from benchmark.dialects.tagged import Tagged
from benchmark.engine.encoding import encode, stop_ids
from benchmark.errors import InputError

TOOL = Tool(name="add", description="Add two numbers.", parameters={"type": "object", "properties": {}})
TURNS = [
    Message(role="system", content="Be brief."),
    Message(role="user", content="Add 2 and 3 – naïvely."),
    Message(role="assistant", tool_calls=(Call(name="add", arguments={"a": 2, "b": 3}),)),
    Message(role="tool", content="5", name="add"),
]
REPLY = Message(role="assistant", content="It is 5.")

WITH_SYSTEM = (
    "{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>assistant\n{% endif %}"
)
REFUSES_SYSTEM = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + WITH_SYSTEM
)
DROPS_SYSTEM = "{% set messages = messages | rejectattr('role', 'equalto', 'system') | list %}" + WITH_SYSTEM
TWO_BOS = "{{ bos_token }}{{ bos_token }}" + WITH_SYSTEM


@pytest.fixture
def tokenizer(pocket):
    return AutoTokenizer.from_pretrained(pocket)


@pytest.mark.parametrize("template", [None, WITH_SYSTEM, REFUSES_SYSTEM, DROPS_SYSTEM, TWO_BOS])
@pytest.mark.parametrize("dialect", [Tagged(), Json()])
def test_ids_and_supervision(tokenizer, template, dialect):
    if template is not None:
        tokenizer.chat_template = template
    prompt = dialect.render(TURNS, [TOOL])
    reply = dialect.render([*TURNS, REPLY], [TOOL]).messages[-1].content
    alone = encode(prompt, tokenizer)
    both = encode(prompt, tokenizer, reply)
    assert both.ids[: len(alone.ids)] == alone.ids
    assert both.ids.count(tokenizer.bos_token_id) == 1
    assert both.ids[0] == tokenizer.bos_token_id
    learned = [token for token, supervised in zip(both.ids, both.supervised, strict=True) if supervised]
    end_of_turn = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    assert learned == [*tokenizer(reply, add_special_tokens=False)["input_ids"], end_of_turn]
    shown = tokenizer.decode(alone.ids)
    assert "Be brief." in shown
    assert "Add two numbers." in shown
    assert "naïvely" in shown


def test_stop_tokens_are_the_models_the_tokenizers_and_the_templates(tokenizer):
    end_of_turn = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    assert stop_ids(tokenizer, 7) == tuple(sorted({7, tokenizer.eos_token_id, end_of_turn}))
    assert stop_ids(tokenizer, None) == tuple(sorted({tokenizer.eos_token_id, end_of_turn}))


def test_a_tokenizer_without_template_is_refused(tokenizer):
    tokenizer.chat_template = None
    with pytest.raises(InputError, match="no chat template"):
        encode(Tagged().render(TURNS, [TOOL]), tokenizer)
