"""A chat template is a program that somebody else wrote: it is rendered with limits, and its text is the usual one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil
import pytest
from transformers import AutoTokenizer

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.data.completions import Prompt
from toolmark.benchmark.engine import template_rendering
from toolmark.benchmark.engine.encoding import encode
from toolmark.benchmark.engine.template_rendering import TemplateRefusal, render_template

TURNS = [{"role": "user", "content": "Grüße\ud83d, <b>\n"}, {"role": "assistant", "tool_calls": [{"id": "1"}]}]
VARIABLES: dict[str, Any] = {"messages": TURNS, "tools": None, "documents": None, "add_generation_prompt": True}

ENDLESS = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "one operation": "{{ (10 ** (10 ** 9)) % 7 }}",
}
LARGE = {
    "one operator": "{{ 'x' * 10 ** 10 }}",
    "a width": "{{ '%10000000000d' % 1 }}",
    "doubling": "{% set n = namespace(t='x') %}{% for i in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}{{ n.t }}",
}
REFUSING = {
    "{{ 1 / 0 }}": "ZeroDivisionError: division by zero",
    "{{ raise_exception('no tools') }}": "^no tools$",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}": "Recursion",
    "{% if": "unexpected|Expected|end of template",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}": ".",
    "{% for a in range(10 ** 9) %}{% endfor %}": "Range too big",
    "{{ messages[0].__class__.__mro__ }}": "unsafe",
    "{{ messages[7].role }}": "undefined|has no element",
}


@pytest.fixture(scope="module", autouse=True)
def _process_of_this_module():
    yield
    template_rendering._process().stop()


def test_the_text_is_that_of_transformers(pocket: Path):
    tokenizer = AutoTokenizer.from_pretrained(pocket)
    template = (
        "{{ bos_token }}{% for m in messages %}{{ m | tojson(indent=1) }}{{ m.content }}\n{% endfor %}"
        "{% if not tools %}{{ tools is none }}{% endif %}{% generation %}x{% endgeneration %}"
        "{{ add_generation_prompt }}"
        "{% for i in range(3) %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}{{ extra }}"
    )
    expected = tokenizer.apply_chat_template(
        TURNS, chat_template=template, tokenize=False, add_generation_prompt=True, extra={"a": [1.5, None]}
    )
    variables = {**VARIABLES, **tokenizer.special_tokens_map, "extra": {"a": [1.5, None]}}
    assert [render_template(template, variables, "m") for _ in range(2)] == [expected] * 2
    plain = tokenizer.apply_chat_template(TURNS[:1], tokenize=False, add_generation_prompt=True)
    assert render_template(tokenizer.chat_template, {**variables, "messages": TURNS[:1]}, "m") == plain


@pytest.mark.parametrize("template", REFUSING)
def test_an_error_of_a_template_is_a_refusal(template: str):
    with pytest.raises(TemplateRefusal, match=REFUSING[template]):
        render_template(template, VARIABLES, "m")


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_template_without_end_is_stopped(kind: str, monkeypatch: pytest.MonkeyPatch):
    render_template("{{ 1 }}", VARIABLES, "m")
    monkeypatch.setattr(template_rendering, "_SECONDS", 0.3)
    with pytest.raises(InputError, match=r"of 'm' does not end: one prompt took longer than 0\.3 s"):
        render_template(ENDLESS[kind], VARIABLES, "m")
    assert render_template("{{ 1 + 1 }}", VARIABLES, "m") == "2", "the next one finds a new process"


@pytest.mark.parametrize("kind", LARGE)
def test_a_template_that_needs_much_memory_is_stopped(kind: str):
    with pytest.raises(InputError, match=r"the chat template of 'm' (needs more than 512 MiB|writes a prompt)"):
        render_template(LARGE[kind], VARIABLES, "m")
    assert psutil.Process().memory_info().rss < 4 * 2**30


def test_a_long_prompt_of_a_long_conversation_is_no_fault():
    long = [{"role": "user", "content": "x" * 2_000_000}]
    text = render_template("{{ messages[0].content }}", {**VARIABLES, "messages": long}, "m")
    assert len(text) == 2_000_000
    with pytest.raises(InputError, match="more than 200,000 characters of its own"):
        render_template("{{ 'x' * 300000 }}", VARIABLES, "m")


def test_a_fork_has_a_process_of_its_own():
    render_template("{{ 1 }}", VARIABLES, "m")
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, render_template("{{ 'fork' }}", VARIABLES, "m").encode())
        template_rendering._process().stop()
        os._exit(0)
    assert render_template("{{ 'parent' }}", VARIABLES, "m") == "parent"
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(read, 99) == b"fork"


def test_encoding_names_the_template(pocket: Path):
    tokenizer = AutoTokenizer.from_pretrained(pocket)
    tokenizer.chat_template = "{{ 1 // 0 }}"
    prompt = Prompt((Message(role="user", content="Hi"),))
    with pytest.raises(InputError, match="refuses the conversation: ZeroDivisionError"):
        encode(prompt, tokenizer)
    tokenizer.chat_template = "x" * 1_000_001
    with pytest.raises(InputError, match="has more than 1,000,000 characters"):
        encode(prompt, tokenizer)
    tokenizer.chat_template = {"tool_use": "{{ 1 }}"}
    with pytest.raises(InputError, match="no chat template for this prompt"):
        encode(prompt, tokenizer)
