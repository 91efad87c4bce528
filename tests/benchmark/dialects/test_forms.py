"""What each family's strict reading takes, and what its lenient one forgives."""

from __future__ import annotations

import json

import pytest

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, RawCall
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.functiongemma import FunctionGemma
from toolmark.benchmark.dialects.hermes import Hermes
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.dialects.llama3 import Llama3
from toolmark.benchmark.dialects.llama4 import Llama4
from toolmark.benchmark.dialects.mistral import Mistral
from toolmark.benchmark.dialects.native import Native
from toolmark.benchmark.dialects.pythonic import Pythonic
from toolmark.benchmark.dialects.tagged import Tagged

tagged, bare, hermes, llama3 = Tagged(), Json(), Hermes(), Llama3()
mistral, pythonic, gemma, native, llama4 = Mistral(), Pythonic(), FunctionGemma(), Native(), Llama4()

CALL = Call(name="f", arguments={"a": 1})
NO_ARGUMENTS = Call(name="f")
OPEN, CLOSE = "<tool_call>", "</tool_call>"
T = '<tool_call>{"tool_name": "f", "args": {"a": 1}}</tool_call>'
J = '{"name": "f", "arguments": {"a": 1}}'
H = f"{OPEN}\n{J}\n{CLOSE}"
L = '{"name": "f", "parameters": {"a": 1}}'
M = "[TOOL_CALLS]"
G, END = "<start_function_call>call:", "<end_function_call>"
PYTHON = "<|python_tag|>"
START, STOP = "<|python_start|>", "<|python_end|>"
NESTED = {"a": [1, [2, 3], []], "b": {"c": {"d": [None]}}, "e": 5}
QUOTED = {"a": "it's", "b": 'say "hi"', "c": "\nAéA\\d"}
IN_BRACKETS = {"a": [1, -2.5], "b": {"c": True, "d e": None}}


def called(**arguments: object) -> tuple[Call, ...]:
    return (Call(name="f", arguments=arguments),)


def read(dialect: Dialect, text: str, *, strict: bool) -> ParsedCompletion:
    return dialect.parse(Completion(text), strict=strict)


def clean_calls(dialect: Dialect, text: str) -> tuple[Call, ...]:
    """The calls that a strict reading credits."""
    reading = read(dialect, text, strict=True)
    return reading.calls if reading.error is None else ()


FORMS = [
    # dialect, text, strictly right, calls of the lenient reading
    (tagged, T + "\n" + T, True, (CALL, CALL)),
    (tagged, f'{OPEN}{{"tool_name": "f", "args": {{}}}}{CLOSE}', True, (NO_ARGUMENTS,)),
    (tagged, f'{OPEN}{{"tool_name": "f"}}{CLOSE}', True, (NO_ARGUMENTS,)),
    (tagged, f'{OPEN}\n{{"args": {{"a": 1}}, "tool_name": "f"}}\n{CLOSE}', True, (CALL,)),
    (tagged, T.removesuffix(CLOSE), False, (CALL,)),
    (tagged, f"{OPEN}```json\n{J}\n```{CLOSE}", False, (CALL,)),
    (tagged, f"{OPEN}{J}{CLOSE}", False, (CALL,)),
    (tagged, f'{OPEN}{{"tool_name": "f", "args": {{"a": 1}}, "id": 7}}{CLOSE}', False, (CALL,)),
    (tagged, f'{OPEN}{{"tool_name": "f", "args": "{{\\"a\\": 1}}"}}{CLOSE}', False, (CALL,)),
    (tagged, f'{OPEN}{{"name": "f", "arguments": null}}{CLOSE}', False, (NO_ARGUMENTS,)),
    (tagged, f'{OPEN}{{"name": "f", "arguments": ""}}{CLOSE}', False, (NO_ARGUMENTS,)),
    (tagged, f'{OPEN}{{"function": {{"name": "f", "arguments": {{"a": 1}}}}}}{CLOSE}', False, (CALL,)),
    (tagged, f'{OPEN}{{"tool_calls": [{J}, {J}]}}{CLOSE}', False, (CALL, CALL)),
    (tagged, f"{OPEN}{J}\n{J}{CLOSE}", False, (CALL, CALL)),
    (tagged, f"{T}\n<tool_result>5</tool_result>", False, (CALL,)),
    (tagged, f"{T}<tool_result>5</tool_result>{T}", False, (CALL, CALL)),
    (tagged, f"{T}{OPEN}not JSON{CLOSE}", False, (CALL,)),
    (tagged, f"{OPEN}{T}", False, (CALL,)),
    (tagged, T[: len(T) // 2], False, ()),
    (tagged, f'{OPEN}{{"tool_name": 5, "args": {{}}}}{CLOSE}', False, ()),
    (tagged, f'{OPEN}{{"tool_name": "f", "args": [1]}}{CLOSE}', False, ()),
    (tagged, f'{OPEN}{{"outer": {{"tool_name": "f", "args": {{"a": 1}}}}, "cut": {CLOSE}', False, ()),
    (bare, f"{J}\n{J}", True, (CALL, CALL)),
    (bare, f"[{J}, {J}]", True, (CALL, CALL)),
    (bare, '{"name": "f", "arguments": {}}', True, (NO_ARGUMENTS,)),
    (bare, '{"name": "f", "arguments": null}', False, (NO_ARGUMENTS,)),
    (bare, '{"tool_name": "f", "args": {"a": 1}}', False, (CALL,)),
    (bare, '{"name": "f", "arguments": {"a": 1}, "id": 7}', False, (CALL,)),
    (bare, '{"name": "f", "arguments": "{\\"a\\": 1}"}', False, (CALL,)),
    (bare, f'{{"tool_calls": [{J}]}}', True, (CALL,)),
    (bare, f'{{"tool_calls": [{J}], "id": 1}}', False, (CALL,)),
    (bare, f"{OPEN}{J}{CLOSE}", False, (CALL,)),
    (bare, f"{J}\nResult of f: 5\n{J}", False, (CALL, CALL)),
    (bare, f"[{J}", False, (CALL,)),
    (bare, f'{{"call": {J}', False, (CALL,)),
    (bare, f'[{J}, {{"name": "f", "argu', False, (CALL,)),
    (bare, '{"name": "f"}', False, ()),
    (bare, '{"name": "f", "arguments": {"a"', False, ()),
    (bare, '{"answer": 5}', False, ()),
    (hermes, f"{H}\n{H}", True, (CALL, CALL)),
    (hermes, f'{OPEN}{{"arguments": {{}}, "name": "f"}}{CLOSE}', True, (NO_ARGUMENTS,)),
    (hermes, f'{OPEN}{{"name": "f"}}{CLOSE}', True, (NO_ARGUMENTS,)),
    (hermes, f"I look.\n{H}\nDone.", False, (CALL,)),
    (hermes, f"{OPEN}\n{J}", False, (CALL,)),
    (hermes, T, False, (CALL,)),
    (hermes, f"{OPEN}[{J}, {J}]{CLOSE}", False, (CALL, CALL)),
    (hermes, f"{H}\n<tool_response>\n5\n</tool_response>", False, (CALL,)),
    (hermes, H[:-20], False, ()),
    (hermes, f"{OPEN}{{'arguments': {{'a': 1}}, \"name\": 'f'}}{CLOSE}", True, (CALL,)),
    (
        hermes,
        f"{OPEN}{{'name': 'f', 'arguments': {{'a': True}}}}{CLOSE}",
        True,
        (Call(name="f", arguments={"a": True}),),
    ),
    (
        hermes,
        f"{OPEN}{{'name': 'f', 'arguments': {{'a': true}}}}{CLOSE}",
        False,
        (Call(name="f", arguments={"a": True}),),
    ),
    (hermes, f"{OPEN}{{'name': 'f', 'arguments': {{'a': 1 + 1}}}}{CLOSE}", False, ()),
    (llama3, f"{PYTHON}{L}", True, (CALL,)),
    (llama3, f"{L}; {L}", True, (CALL, CALL)),
    (llama3, f"{PYTHON}{L};{PYTHON}{L}", True, (CALL, CALL)),
    (llama3, f"[{L}, {L}]", True, (CALL, CALL)),
    (llama3, '{"type": "function", "name": "f", "parameters": {"a": 1}}', True, (CALL,)),
    (llama3, '{"name": "f", "parameters": {}}', True, (NO_ARGUMENTS,)),
    (llama3, J, False, (CALL,)),
    (llama3, '{"type": "function", "function": {"name": "f", "parameters": {"a": 1}}}', False, (CALL,)),
    (llama3, f"{L};", False, (CALL,)),
    (llama3, f"{L}<|start_header_id|>ipython<|end_header_id|>\n\n5", False, (CALL,)),
    (llama3, f"{PYTHON}{L[:-2]}", False, ()),
    (llama3, f"{PYTHON}f.call(a=1)", False, ()),
    (mistral, f"{M}[{J}]", True, (CALL,)),
    (mistral, f"{M} [{J}, {J}]", True, (CALL, CALL)),
    (mistral, f'{M}[{{"name": "f", "arguments": {{"a": 1}}, "id": "abcdefghi"}}]', True, (CALL,)),
    (mistral, f'{M}f[ARGS]{{"a": 1}}', True, (CALL,)),
    (mistral, f'{M}f[ARGS]{{"a": 1}}{M}f[ARGS]{{}}', True, (CALL, NO_ARGUMENTS)),
    (mistral, f'{M}f[CALL_ID]abcdefghi[ARGS]{{"a": 1}}', True, (CALL,)),
    (mistral, f'{M}f{{"a": 1}}', False, (CALL,)),
    (mistral, f"{M}{J}", False, (CALL,)),
    (mistral, f"{M}```json\n[{J}]\n```", False, (CALL,)),
    (mistral, f"{M}[{J}] Done.", False, (CALL,)),
    (mistral, f'{M}[{J}][TOOL_RESULTS] {{"content": 5}}[/TOOL_RESULTS]', False, (CALL,)),
    (mistral, f"{M}[]", False, ()),
    (mistral, f"{M}[{J}", False, ()),
    (mistral, f"{M}f[ARGS]", False, ()),
    (mistral, J, False, ()),
    (pythonic, "[f(a=1), f()]", True, (CALL, NO_ARGUMENTS)),
    (pythonic, "[f(a=1)]\n[f()]", True, (CALL, NO_ARGUMENTS)),
    (pythonic, "I look.\n```tool_code\n[f(a=1)]\n```", True, (CALL,)),
    (pythonic, "```tool_code\nf(a=1)\nf()\n```", True, (CALL, NO_ARGUMENTS)),
    (pythonic, "[ f ( a = 1 , ) , ]", True, (CALL,)),
    (pythonic, "[math.f-x(a=1)]", True, (Call(name="math.f-x", arguments={"a": 1}),)),
    (pythonic, "[f(a=-1, b=+2.5, c=.5, d=1_000, e=1e3)]", True, called(a=-1, b=2.5, c=0.5, d=1000, e=1000.0)),
    (pythonic, "[f(a=True, b=false, c=None, d=null)]", True, called(a=True, b=False, c=None, d=None)),
    (pythonic, "[f(a=[1, (2, 3), ()], b={'c': {\"d\": [None]}}, e=(5))]", True, called(**NESTED)),
    (pythonic, "[f(from='x', class='y', größe='z')]", True, called(**{"from": "x", "class": "y", "größe": "z"})),
    (pythonic, "[f(**{'a b': 1, '': 2})]", True, called(**{"a b": 1, "": 2})),
    (pythonic, r"""[f(a='it\'s', b="say \"hi\"", c='\n\x41\u00e9\101\d')]""", True, called(**QUOTED)),
    (pythonic, "[f(a='''two\nli'nes''', b=\")], g(\")]", True, called(a="two\nli'nes", b=")], g(")),
    (pythonic, "f(a=1)", False, (CALL,)),
    (pythonic, "f(a=1)\nf()", False, (CALL, NO_ARGUMENTS)),
    (pythonic, "```tool_code\n[f(a=1)]", False, (CALL,)),
    (pythonic, "```python\n[f(a=1)]\n```", False, (CALL,)),
    (pythonic, "```\nprint(f(a=1))\n```\nThis runs f.", False, (CALL,)),
    (pythonic, "```tool_code\nprint(default_api.f(a=1))\n```", False, (CALL,)),
    (pythonic, "[f(a=1)]\n```tool_output\n5\n```", False, (CALL,)),
    (pythonic, "[f(a=1)]\nResult of f: 5\n[f()]", False, (CALL, NO_ARGUMENTS)),
    (pythonic, "[f(a=1, a=1)]", False, (CALL,)),
    (pythonic, "[f(a={'b': 1, 'b': 2})]", False, called(a={"b": 2})),
    (pythonic, "[f(a='one\ntwo')]", False, called(a="one\ntwo")),
    (pythonic, "[f(1)]", False, ()),
    (pythonic, "[f(a=1), f(1)]", False, (CALL,)),
    (pythonic, "[f(a=b)]", False, ()),
    (pythonic, "[f(a=1+1)]", False, ()),
    (pythonic, "[f(a=f(a=1))]", False, ()),
    (pythonic, "[f(a=007)]", False, ()),
    (pythonic, "[f(a=0x1F)]", False, ()),
    (pythonic, "[f(a=b'x')]", False, ()),
    (pythonic, "[f(a={1: 2})]", False, ()),
    (pythonic, "[f(a=__import__('os').system('true'))]", False, ()),
    (pythonic, "[f(a=1), f(a=", False, ()),
    (pythonic, "[f(a='one", False, ()),
    (pythonic, "One could write f(a=1) here.", False, ()),
    (pythonic, "f(a=1) would do.", False, ()),
    (pythonic, "```python\ndef f(a=1):\n    return a\nf(a=1)\n```", False, ()),
    (pythonic, "[see f(a=1)]", False, ()),
    (gemma, f"{G}f{{a:1}}{END}{G}f{{}}{END}", True, (CALL, NO_ARGUMENTS)),
    (gemma, f'{G}f{{a:<escape>it\'s {{x}}, "y"<escape>}}{END}', True, called(a='it\'s {x}, "y"')),
    (gemma, f"{G}f{{a:<escape>{END}<escape>}}{END}", True, called(a=END)),
    (gemma, f"{G}f{{a:[1,-2.5],b:{{c:true,<escape>d e<escape>:null}}}}{END}", True, called(**IN_BRACKETS)),
    (gemma, f"{G}f{{a: 1 , b : false }}{END}", True, called(a=1, b=False)),
    (gemma, f"{G}f{{a:1}}", False, (CALL,)),
    (gemma, f"{G}f{{a:1}}{END}Done.", False, (CALL,)),
    (gemma, f'{G}f{{a:"x",b:True,c:None}}{END}', False, called(a="x", b=True, c=None)),
    (gemma, f"{G}f{{a:1}}{END}<start_function_response>response:f{{value:5}}<end_function_response>", False, (CALL,)),
    (gemma, f"{G}f{{a:1,a:2}}{END}", False, called(a=2)),
    (gemma, f"{G}f{{a:x}}{END}", False, ()),
    (gemma, f"{G}f{{a:<escape>x", False, ()),
    (gemma, f"{G}f", False, ()),
    (gemma, "call:f{a:1}", False, ()),
    (native, H, True, (CALL,)),
    (native, f"{G}f{{a:1}}{END}", True, (CALL,)),
    (native, f'Let me see. {M}f[ARGS]{{"a": 1}}', True, (CALL,)),
    (native, f"{PYTHON}{L}", True, (CALL,)),
    (native, L, True, (CALL,)),
    (native, f"<think>{H}</think>{L}", True, (CALL,)),
    (native, f"{OPEN}<function=f><parameter=a>1</parameter></function>{CLOSE}", True, (CALL,)),
    (native, f"{OPEN}f<arg_key>a</arg_key><arg_value>1</arg_value>{CLOSE}", True, (CALL,)),
    (native, '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>', True, (CALL,)),
    (native, "<|tool_call>call:f{a:1}<tool_call|>", True, (CALL,)),
    (native, "<|tool_call_start|>[f(a=1)]<|tool_call_end|>", True, (CALL,)),
    *(
        (dialect, text, strictly, calls)
        for dialect in (native, llama4)
        for text, strictly, calls in (
            (f"{START}{STOP}{L}", True, (CALL,)),
            (f"{START}{STOP}{L}{L}", True, (CALL, CALL)),
            (f"{START}I look (once).\nNow.{STOP}\n{L}\n{L}", True, (CALL, CALL)),
            (f"{START}[f(a=1)]{STOP}", True, (CALL,)),
            (f"{L}{L}", True, (CALL, CALL)),
            (f"{START}{STOP}{L} Done.", False, (CALL,)),
            (f"{START}{STOP}{J}", False, (CALL,)),
            (f"{STOP}{L}", False, (CALL,)),
            (f"{START}{L}{STOP}", False, (CALL,)),
            (f"{START}{STOP}{L[:-2]}", False, ()),
            (f"{START}{STOP}{L}{L[:-2]}", False, (CALL,)),
            (f'{START}{STOP}{{"name": "f"}}', False, ()),
            (f"{START}{STOP}", False, ()),
            (f"{START}I look.{STOP}", False, ()),
            (f"{STOP} is a token.", False, ()),
        )
    ),
    (llama4, f"I look.\n{L}", True, (CALL,)),
    (llama4, f"[{L}, {L}]", True, (CALL, CALL)),
    (llama4, f"{START}[f(a=1)]{STOP}{L}", True, (CALL, CALL)),
    (llama4, J, False, (CALL,)),
    (llama4, f"{PYTHON}{L}", False, (CALL,)),
    (llama4, '{"name": "Ada", "age": 36}', False, ()),
    (llama4, f"{START}[f(a={STOP}{L}", False, (CALL,)),
    (native, f"I could write {L}.", False, ()),
    (native, "[f(a=1)]", False, ()),
]


@pytest.mark.parametrize(
    ("dialect", "text", "strictly", "calls"), FORMS, ids=lambda value: getattr(value, "name", None)
)
def test_strict_and_lenient(dialect: Dialect, text: str, strictly: bool, calls: tuple[Call, ...]) -> None:
    assert read(dialect, text, strict=False).calls == calls
    assert clean_calls(dialect, text) == (calls if strictly else ())


def test_tags_inside_an_argument_are_part_of_it() -> None:
    written = {"tool_name": "f", "args": {"a": "</tool_call> <tool_call> <tool_result>"}}
    text = f"{OPEN}{json.dumps(written)}{CLOSE}"
    assert clean_calls(tagged, text) == (Call(name="f", arguments=written["args"]),)


@pytest.mark.parametrize(
    "text",
    [
        J,
        "```json\n" + J,
        '{"name": "f"',
        '{"f": {"a": 1}}',
        "f(a=1)",
        "[f(a=1)]",
        "```tool_code\nprint(default_api.f(a=1))\n```",
        "<|python_tag|>f(a=1)",
        '[TOOL_CALLS]f[ARGS]{"a',
        "<start_function_call>call:f{a:",
    ],
)
def test_foreign_calls_are_named(text: str) -> None:
    assert "f" in {attempt.name for attempt in read(tagged, text, strict=False).failed}


@pytest.mark.parametrize(
    "text", ["I would use f (the best tool).", "See f, g and h.", "The name is f.", '{"answer": "f"}']
)
def test_words_are_not_named(text: str) -> None:
    assert "f" not in {attempt.name for attempt in read(tagged, text, strict=False).failed}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<final_answer>It is 5.</final_answer>", "It is 5."),
        ("<think>hm</think>It is 5.", "It is 5."),
        ("It is 5. <final_answer></final_answer>", "It is 5."),
        ("<think>I wonder", ""),
        ("<final_answer>It is", "It is"),
    ],
)
def test_the_answer_is_what_the_user_would_see(text: str, answer: str) -> None:
    assert read(tagged, text, strict=False).answer == answer


@pytest.mark.parametrize(
    ("dialect", "text", "answer"),
    [
        (llama3, f"I look.\n{PYTHON}{L}; {L}", "I look."),
        (pythonic, "I look.\n```tool_code\n[f(a=1)]\n```", "I look."),
        (gemma, f"I look. {G}f{{a:1}}{END}", "I look."),
        (mistral, f"I look.{M}[{J}]", "I look."),
        (native, "<think>hm</think>It is 5.", "It is 5."),
        (native, f"{START}I look.{STOP}{L}", "I look."),
        (llama4, f"{START}I look.{STOP}{L}", "I look."),
    ],
)
def test_the_answer_has_no_marks_of_a_call(dialect: Dialect, text: str, answer: str) -> None:
    assert read(dialect, text, strict=True).answer == answer


@pytest.mark.parametrize(
    ("arguments", "strictly", "lenient"),
    [
        ('{"a": 1}', True, (CALL,)),
        ("{}", True, (NO_ARGUMENTS,)),
        ("", False, (NO_ARGUMENTS,)),
        ('{"a": 1, "a": 1}', False, (CALL,)),
        ('"{\\"a\\": 1}"', False, (CALL,)),
        ('{"a": 1}"', False, ()),
        ("[1]", False, ()),
        ("'a': 1", False, ()),
        ("1", False, ()),
    ],
)
def test_a_server_s_arguments_are_read_as_they_came(arguments: str, strictly: bool, lenient: tuple[Call, ...]) -> None:
    completion = Completion("I look.", (RawCall("f", arguments),))
    strict, forgiving = native.parse(completion, strict=True), native.parse(completion, strict=False)
    assert forgiving.attempted
    assert forgiving.answer == "I look."
    assert forgiving.calls == lenient
    assert (strict.calls if strict.error is None else ()) == (lenient if strictly else ())


def test_one_unreadable_call_of_a_server_is_a_failed_attempt() -> None:
    completion = Completion("", (RawCall("f", '{"a": 1}'), RawCall("f", "{")))
    assert native.parse(completion, strict=True).error is not None
    lenient = native.parse(completion, strict=False)
    assert (lenient.calls, lenient.error, len(lenient.failed)) == ((CALL,), None, 1)
