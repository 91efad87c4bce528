"""Arguments of chat templates: what is read, what is refused, and what a hostile training record may contain."""

from __future__ import annotations

import inspect

import pytest
from transformers import PreTrainedTokenizerBase
from transformers.utils.chat_template_utils import render_jinja_template

from toolmark.benchmark.config.template_args import (
    check_template_args,
    known_template_args,
    parse_template_args,
    written,
)
from toolmark.benchmark.core.errors import InputError


def test_json_objects_are_read_and_written():
    args = parse_template_args('{"enable_thinking": false, "builtin_tools": ["search"], "n": 2}')
    assert args == {"enable_thinking": False, "builtin_tools": ["search"], "n": 2}
    assert parse_template_args(written(args)) == args
    assert parse_template_args("{}") == {}
    assert parse_template_args("") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{a: false}", "--template-args: {a: false} is not a JSON object. Write for example: --template-args '{"),
        ("[1]", "--template-args '{\"enable_thinking\": false}'"),
        ('{"a": NaN}', "is not a JSON object"),
        ("[" * 9_000, "is not a JSON object"),
        ('{"a": "' + "x" * 10_000 + '"}', "is not a JSON object"),
        ('{"enable thinking": false}', "'enable thinking' is not the name of a template's variable"),
        ('{"tools": []}', "--template-args: 'tools' is set by Toolmark. Leave 'tools' out."),
    ],
)
def test_other_text_is_refused(text, said):
    with pytest.raises(InputError) as error:
        parse_template_args(text)
    assert said in str(error.value)


def test_every_parameter_of_transformers_is_refused():
    """Otherwise an argument could replace the template itself."""
    parameters = {
        name: parameter
        for function in (PreTrainedTokenizerBase.apply_chat_template, render_jinja_template)
        for name, parameter in inspect.signature(function).parameters.items()
    }
    for name, parameter in parameters.items():
        if parameter.kind is not parameter.VAR_KEYWORD:
            with pytest.raises(InputError):
                check_template_args({name: "x"})


@pytest.mark.parametrize(
    "recorded",
    [
        None,
        "{}",
        ["a"],
        {"chat_template": "{{ 1 }}"},
        {"a b": 1},
        {"a": float("nan")},
        {"a": "x" * 20_000},
        {1: object()},
    ],
)
def test_a_hostile_record_counts_as_unknown(recorded):
    assert known_template_args(recorded) is None
    assert known_template_args({"enable_thinking": False}) == {"enable_thinking": False}
