"""From turns to ids: one BOS, the prompt a prefix of prompt + reply, exactly the reply supervised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects.native import Native
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.encoding import check_readable, encode, stop_ids
from toolmark.benchmark.engine.rendered_prompts import openai_turns

TEMPLATES = Path(__file__).parents[2] / "templates"
DIALECTS = [load("toolmark.dialects", name)() for name in names("toolmark.dialects") if name != "native"]
TOOL = Tool(name="add", description="Add two numbers.", parameters={"type": "object", "properties": {}})
TURNS = [
    Message(role="system", content="Be brief."),
    Message(role="user", content="Add 2 and 3 – naïvely."),
    Message(role="assistant", tool_calls=(Call(name="add", arguments={"a": 2, "b": 3}),)),
    Message(role="tool", content="5", name="add"),
]
REPLY = Message(role="assistant", content="It is 5.")
CALLING = Message(
    role="assistant",
    tool_calls=(Call(name="add", arguments={"a": -2.5, "b": "drei – 3"}), Call(name="add", arguments={"a": 1})),
)

WITH_SYSTEM = (
    "{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>assistant\n{% endif %}"
)
REFUSES_SYSTEM = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + WITH_SYSTEM
)
DROPS_SYSTEM = "{% set messages = messages | rejectattr('role', 'equalto', 'system') | list %}" + WITH_SYSTEM
TWO_BOS = "{{ bos_token }}{{ bos_token }}" + WITH_SYSTEM

# Templates that show tools, each with the calls of one family.
SHOWS = "{{ bos_token }}{% if tools %}<start_of_turn>system\n{% for t in tools %}{{ t | tojson }}\n{% endfor %}" + (
    "<end_of_turn>\n{% endif %}{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content }}"
    "{% if m.tool_calls %}CALLS{% endif %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>assistant\n{% endif %}"
)
ONE_BY_ONE = "{% for c in m.tool_calls %}{% set f = c.function %}CALL{% endfor %}"
FAMILIES = {
    "qwen": ONE_BY_ONE.replace(
        "CALL", '<tool_call>\n{"name": "{{ f.name }}", "arguments": {{ f.arguments | tojson }}}\n</tool_call>'
    ),
    "llama": ONE_BY_ONE.replace("CALL", '{"name": "{{ f.name }}", "parameters": {{ f.arguments | tojson }}}'),
    "llama4": "<|python_start|><|python_end|>"
    + ONE_BY_ONE.replace("CALL", '{"name": "{{ f.name }}", "parameters": {{ f.arguments | tojson }}}'),
    # Mistral's refuses a call whose id has not nine characters.
    "mistral": "[TOOL_CALLS] ["
    + ONE_BY_ONE.replace(
        "CALL",
        "{% if c.id | length != 9 %}{{ raise_exception('id') }}{% endif %}"
        '{"name": "{{ f.name }}", "arguments": {{ f.arguments | tojson }}, "id": "{{ c.id }}"}'
        "{{ ', ' if not loop.last }}",
    )
    + "]",
    "functiongemma": ONE_BY_ONE.replace(
        "CALL",
        "<start_function_call>call:{{ f.name }}{{ '{' }}{% for k, v in f.arguments.items() %}{{ k }}:"
        "{% if v is string %}<escape>{{ v }}<escape>{% else %}{{ v }}{% endif %}{{ ',' if not loop.last }}{% endfor %}"
        "{{ '}' }}<end_function_call>",
    ),
    "qwen_xml": ONE_BY_ONE.replace(
        "CALL",
        "<tool_call>\n<function={{ f.name }}>\n{% for k, v in f.arguments.items() %}<parameter={{ k }}>\n"
        "{{ v if v is string else v | tojson }}\n</parameter>\n{% endfor %}</function>\n</tool_call>",
    ),
    "glm": ONE_BY_ONE.replace(
        "CALL",
        "<tool_call>{{ f.name }}{% for k, v in f.arguments.items() %}<arg_key>{{ k }}</arg_key>"
        "<arg_value>{{ v if v is string else v | tojson }}</arg_value>{% endfor %}</tool_call>",
    ),
    "gemma4": ONE_BY_ONE.replace(
        "CALL",
        "<|tool_call>call:{{ f.name }}{{ '{' }}{% for k, v in f.arguments.items() %}{{ k }}:"
        "{% if v is string %}<|\"|>{{ v }}<|\"|>{% else %}{{ v }}{% endif %}{{ ',' if not loop.last }}{% endfor %}"
        "{{ '}' }}<tool_call|>",
    ),
    "kimi": "<|tool_calls_section_begin|>"
    + ONE_BY_ONE.replace(
        "CALL",
        "<|tool_call_begin|>functions.{{ f.name }}:{{ loop.index0 }}<|tool_call_argument_begin|>"
        "{{ f.arguments | tojson }}<|tool_call_end|>",
    )
    + "<|tool_calls_section_end|>",
}
NATIVE = {family: SHOWS.replace("CALLS", calls) for family, calls in FAMILIES.items()}


@pytest.fixture
def tokenizer(pocket):
    return AutoTokenizer.from_pretrained(pocket)


def assert_encoded(tokenizer, prompt, reply, text):
    """One BOS; the prompt a prefix; exactly the reply's `text` and the end of its turn supervised."""
    alone, both = encode(prompt, tokenizer), encode(prompt, tokenizer, reply)
    assert both.ids[: len(alone.ids)] == alone.ids
    assert not any(alone.supervised)
    assert both.ids.count(tokenizer.bos_token_id) == 1
    assert both.ids[0] == tokenizer.bos_token_id
    learned = [token for token, supervised in zip(both.ids, both.supervised, strict=True) if supervised]
    end_of_turn = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    assert learned == [*tokenizer(text, add_special_tokens=False)["input_ids"], end_of_turn]
    assert len(both.ids) == len(alone.ids) + len(learned)
    shown = tokenizer.decode(alone.ids)
    for part in ("Be brief.", "Add two numbers.", "naïvely", "5"):
        assert part in shown


@pytest.mark.parametrize(
    ("template", "dialect"),
    [(template, Tagged()) for template in (None, REFUSES_SYSTEM, DROPS_SYSTEM, TWO_BOS, NATIVE["qwen"])]
    + [(WITH_SYSTEM, dialect) for dialect in DIALECTS],
    ids=lambda value: getattr(value, "name", None),
)
@pytest.mark.parametrize("answer", [REPLY, CALLING], ids=["words", "calls"])
def test_ids_and_supervision(tokenizer, template, dialect, answer):
    if template is not None:
        tokenizer.chat_template = template
    prompt = dialect.render(TURNS, [TOOL])
    reply = dialect.render([*TURNS, answer], [TOOL]).messages[-1]
    assert reply.tool_calls == ()
    assert_encoded(tokenizer, prompt, reply, reply.content)
    assert encode(prompt, tokenizer, reply) == encode(prompt, tokenizer, reply.content)


def told(tokenizer, turns):
    """The ids of a whole conversation as the template itself writes it, up to its last special token."""
    text = tokenizer.apply_chat_template(openai_turns(turns), tools=[TOOL.as_openai()], tokenize=False)
    return tokenizer(text.rstrip(), add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("answer", [REPLY, CALLING], ids=["words", "calls"])
@pytest.mark.parametrize("family", FAMILIES)
def test_tools_left_to_the_template_are_shown_and_its_turns_are_learnt(tokenizer, family, answer):
    tokenizer.chat_template = NATIVE[family]
    prompt = Native().render(TURNS, [TOOL])
    both = encode(prompt, tokenizer, Native().render([*TURNS, answer], [TOOL]).messages[-1])
    assert both.ids == told(tokenizer, [*TURNS, answer])
    text = tokenizer.decode([token for token, mine in zip(both.ids, both.supervised, strict=True) if mine][:-1])
    assert_encoded(tokenizer, prompt, answer, text)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_calls_that_a_template_writes_are_read(tokenizer, family):
    tokenizer.chat_template = NATIVE[family]
    native = Native()
    prompt = native.render(TURNS, [TOOL])
    assert check_readable(prompt, tokenizer, native) == tokenizer.convert_tokens_to_ids("<end_of_turn>")
    both = encode(prompt, tokenizer, CALLING)
    text = tokenizer.decode([token for token, mine in zip(both.ids, both.supervised, strict=True) if mine][:-1])
    for strict in (True, False):
        reading = native.parse(Completion(text), strict=strict)
        assert (reading.calls, reading.error) == (CALLING.tool_calls, None)


def test_a_turn_with_calls_ends_as_the_template_ends_it(tokenizer):
    # FunctionGemma's writes no end of turn behind calls: a result must follow, in the model's own turn.
    tokenizer.add_tokens(["<start_function_response>"], special_tokens=True)
    ended = NATIVE["functiongemma"].replace(
        "<end_of_turn>\n{% endfor %}{% if add",
        "{% if m.tool_calls %}<start_function_response>{% else %}<end_of_turn>\n{% endif %}{% endfor %}{% if add",
    )
    assert ended != NATIVE["functiongemma"]
    tokenizer.chat_template = ended
    prompt = Native().render(TURNS, [TOOL])
    stop = tokenizer.convert_tokens_to_ids("<start_function_response>")
    assert check_readable(prompt, tokenizer, Native()) == stop
    both = encode(prompt, tokenizer, CALLING)
    assert both.ids == told(tokenizer, [*TURNS, CALLING])
    assert (both.ids[-1], both.supervised[-1]) == (stop, True)
    assert encode(prompt, tokenizer, REPLY).ids[-1] == tokenizer.convert_tokens_to_ids("<end_of_turn>")


@pytest.mark.parametrize("template", [None, WITH_SYSTEM])
def test_a_template_that_shows_no_tools_is_refused(tokenizer, template):
    if template is not None:
        tokenizer.chat_template = template
    # The tool's name stands in the question too, which is no proof that it was offered.
    question = [Message(role="system", content="Use add."), Message(role="user", content="add 2 and 3")]
    with pytest.raises(InputError, match=r"does not show the offered tool 'add'.*--dialect tagged"):
        encode(Native().render(question, [TOOL]), tokenizer)


def test_a_template_that_shows_only_some_tools_is_refused(tokenizer):
    tokenizer.chat_template = NATIVE["qwen"].replace("in tools", "in tools[:1]")
    other = Tool(name="subtract")
    with pytest.raises(InputError, match="'subtract'"):
        encode(Native().render(TURNS, [TOOL, other]), tokenizer)


def test_a_template_whose_calls_cannot_be_read_is_refused(tokenizer):
    tokenizer.chat_template = SHOWS.replace("CALLS", ONE_BY_ONE.replace("CALL", "<function={{ f.name }}></function>"))
    with pytest.raises(InputError, match=r"writes calls as '<function=add></function>', which the dialect native"):
        check_readable(Native().render(TURNS, [TOOL]), tokenizer, Native())


def test_a_template_that_refuses_a_turn_says_so_without_a_traceback(tokenizer):
    refuses = "{% if m.role == 'tool' %}{{ raise_exception('no tool turns') }}{% endif %}{{ m.content }}"
    tokenizer.chat_template = NATIVE["qwen"].replace("{{ m.content }}", refuses)
    with pytest.raises(InputError, match="refuses the conversation: no tool turns"):
        encode(Native().render(TURNS, [TOOL]), tokenizer)


def test_stop_tokens_are_the_models_the_tokenizers_and_the_templates(tokenizer):
    end_of_turn = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    assert stop_ids(tokenizer, 7) == tuple(sorted({7, tokenizer.eos_token_id, end_of_turn}))
    assert stop_ids(tokenizer, None) == tuple(sorted({tokenizer.eos_token_id, end_of_turn}))


def test_a_tokenizer_without_template_is_refused(tokenizer):
    tokenizer.chat_template = None
    with pytest.raises(InputError, match="no chat template"):
        encode(Tagged().render(TURNS, [TOOL]), tokenizer)


def test_an_answer_and_a_call_are_learnt_as_the_template_begins_them(tokenizer):
    # Qwen3's template writes an empty thought before the last turn. The first token must not tell whether a call comes.
    tokenizer.chat_template = (TEMPLATES / "qwen3.jinja").read_text(encoding="utf-8")
    asked = [*TURNS[:2]]
    thought = "<think>\n\n</think>\n\n"
    for dialect in (Native(), Tagged()):
        for answer in (REPLY, CALLING):
            reply = dialect.render([*asked, answer], [TOOL]).messages[-1]
            both = encode(dialect.render(asked, [TOOL]), tokenizer, reply)
            text = tokenizer.decode([token for token, mine in zip(both.ids, both.supervised, strict=True) if mine])
            assert text.startswith(thought)
            assert text.count(thought) == 1
            assert text.endswith("<end_of_turn>")
    prompt = replace(Native().render(asked, [TOOL]), template_args={"enable_thinking": False})
    both = encode(prompt, tokenizer, REPLY)
    learnt = tokenizer.decode([token for token, mine in zip(both.ids, both.supervised, strict=True) if mine])
    assert learnt == f"{REPLY.content}<end_of_turn>"


PARTS = "{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}"
HIDES = {
    "parts": (WITH_SYSTEM.replace("{{ m.content }}", PARTS), "user"),
    "nothing": ("{#- nothing -#}", "user"),
    "the first question": (WITH_SYSTEM.replace("{{ m.content }}", "{{ messages[0].content }}"), "user"),
    "results": (WITH_SYSTEM.replace("{% for m in messages %}", "{% for m in messages if m.role != 'tool' %}"), "tool"),
}
CHANGES = [("tojson", '\\"five\\"'), ("trim | upper", 'SAY "FIVE"')]


@pytest.mark.parametrize(("template", "role"), HIDES.values(), ids=HIDES)
def test_a_template_that_hides_the_text_of_a_turn_is_refused(tokenizer, template, role):
    tokenizer.chat_template = template
    turns = (*TURNS[:2], Message(role="assistant", content="Adding."), TURNS[3])
    with pytest.raises(InputError, match=rf"does not show the text of a turn of the role '{role}'.*list of parts"):
        encode(Prompt(turns), tokenizer)


@pytest.mark.parametrize("shown", ["user", "assistant"])
def test_a_template_that_hides_a_question_or_an_answer_has_no_end_of_turn(tokenizer, shown):
    tokenizer.chat_template = WITH_SYSTEM.replace("{{ m.content }}", f"{{{{ m.content if m.role == '{shown}' }}}}")
    hidden = "user" if shown == "assistant" else "assistant"
    with pytest.raises(InputError, match=rf"does not show the text of a turn of the role '{hidden}'"):
        stop_ids(tokenizer, None)
    with pytest.raises(InputError, match="does not show the text of a turn"):
        encode(Prompt(TURNS[1:2]), tokenizer, "It is 5.")


@pytest.mark.parametrize(("change", "shown"), CHANGES)
def test_a_template_may_write_a_text_in_another_way(tokenizer, change, shown):
    tokenizer.chat_template = WITH_SYSTEM.replace("{{ m.content }}", f"{{{{ m.content | {change} }}}}")
    turns = (Message(role="user", content='  Say "five"\n twice. '),)
    assert shown in tokenizer.decode(encode(Prompt(turns), tokenizer).ids)
    assert stop_ids(tokenizer, None)
