"""Texts in which the name of an offered tool and its arguments are a call, and texts that only speak of a tool."""

from __future__ import annotations

import pytest

from tests.running_time import is_nearly_linear
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.call_shapes import consists_of_call, names_in_calls
from toolmark.benchmark.scoring.outcomes import outcome_of

OFFERED = ("get_weather", "search", "math.add", "time", "Market Trends API")
DIALECTS: list[Dialect] = [load("toolmark.dialects", name)() for name in names("toolmark.dialects")]

OF_FAMILIES = {
    "ChatGLM": 'get_weather\n{"city": "Oslo"}',
    "Qwen-Agent": '✿FUNCTION✿: get_weather\n✿ARGS✿: {"city": "Oslo"}\n✿RESULT✿: 5\n✿RETURN✿: It is 5.',
    "Functionary 2": '>>>get_weather\n{"city": "Oslo"}',
    "Functionary 2.2": '<|from|>assistant\n<|recipient|>get_weather\n<|content|>{"city": "Oslo"}',
    "Mistral without its token": 'get_weather[ARGS]{"city": "Oslo"}',
    "Mistral with an id": 'get_weather[CALL_ID]abc123[ARGS]{"city": "Oslo"}',
    "gpt-oss without its tokens": 'commentary to=functions.get_weather json{"city": "Oslo"}',
    "gpt-oss after a word": 'assistantcommentary to=functions.get_weather json{"city": "Oslo"}',
    "ReAct in bold": '**Action:** get_weather\n**Action Input:** {"city": "Oslo"}',
    "ReAct in headings": "### Action: get_weather\n### Action Input: Oslo",
    "ReAct with numbers": "Thought 1: hm\nAction 1: get_weather\nAction 1 Input: Oslo",
    "the paper on ReAct": "Thought: hm\nAction: get_weather[Oslo]",
    "Cline": "I look.\n<get_weather>\n<city>Oslo</city>\n</get_weather>",
    "Cline, cut": "<get_weather>\n<city>Osl",
    "Solar": '<|tool_call:begin|>id<|tool_call:name|>get_weather<|tool_call:args|>{"city": "Oslo"}<|tool_call:end|>',
    "LongCat": "<longcat_tool_call>get_weather\n<longcat_arg_key>city</longcat_arg_key>",
    "Hunyuan": '<tool_call>get_weather\n```json\n{"city": "Oslo"}\n```</tool_call>',
    "Kimi without its tokens": 'functions.get_weather:0{"city": "Oslo"}',
    "Gorilla": '<<function>>get_weather(city="Oslo")',
    "Claude 2": "<tool_name>get_weather</tool_name>\n<parameters>\n<city>Oslo</city>\n</parameters>",
    "MCP in Cline": '<tool_name>get_weather</tool_name>\n<arguments>\n{"city": "Oslo"}\n</arguments>',
    "Step": '<steptml:invoke name="get_weather"><steptml:parameter name="city">Oslo',
}
OF_NO_FAMILY = [
    '**get_weather**\n\n```json\n{"city": "Oslo"}\n```',
    '`get_weather`\n{"city": "Oslo"}',
    "get_weather\n{'city': 'Oslo'}",
    "get_weather\n{}",
    'get_weather\n{"city": "Os',
    'functions.get_weather\n{"city": "Oslo"}',
    'math_add\n{"a": 1}',
    '1. get_weather\n   {"city": "Oslo"}\n2. search\n   {"q": "x"}',
    'I look.\nget_weather -> {"city": "Oslo"}',
    'get_weather: {"city": "Oslo"}',
    '["get_weather", {"city": "Oslo"}]',
    '**Tool:** get_weather\n**Input:** {"city": "Oslo"}',
    'Function: `get_weather`\nArguments:\n```json\n{"city": "Oslo"}\n```',
    '<|action|>get_weather<|args|>{"city": "Oslo"}',
    '[TOOL_CALL] get_weather(city="Oslo")',
    '<get_weather>{"city": "Oslo"}</get_weather>',
    '<get_weather city="Oslo"/>',
    '<tool name="get_weather"><city>Oslo</city></tool>',
    'Call: get_weather["Oslo"]',
    'get_weather city="Oslo" days=2',
    "get_weather --city Oslo",
    "get_weather:\n  city: Oslo\n  days: 2",
    '```get_weather\n{"city": "Oslo"}\n```',
    '[{"name": "get\\_weather", "arguments": {"city": "Oslo"}}]',
    'get\\_weather(city="Oslo")',
    '\u200bget_weather(city="Oslo")',
    '[Market Trends API(country="no")]',
]

OF_NO_OFFERED_TOOL = [
    '✿FUNCTION✿: book\n✿ARGS✿: {"a": 1}',
    '<|recipient|>book\n<|content|>{"a": 1}',
    '<my_tool_call>book{"a": 1}</my_tool_call>',
    '<|action_start|><|plugin|>\n{"name": "book", "parameters": {}}<|action_end|>',
    '<tool_call>book\n```json\n{"a": 1}\n```</tool_call>',
    '**Action:** book\n**Action Input:** {"a": 1}',
]
"""Marks show that these are calls."""

PROSE = [
    'The tool get_weather takes {"city": ...}.',
    'get_weather takes {"city": "Oslo"} as its argument.',
    "get_weather\n\nThis tool gives the weather.",
    'get_weather was called.\n{"temperature": 5}',
    'The answer of get_weather was:\n{"temperature": 5}',
    'GLM writes get_weather and then {"city": "Oslo"}.',
    'Use `get_weather` with `{"city": "Oslo"}`.',
    '<b>get_weather</b> needs {"city": "Oslo"}',
    'For example, in JSON:\n```json\n{"city": "Oslo"}\n```',
    '- get_weather: {"city": "string"}\n- search: {"query": "string"}',
    '- **get_weather**: {"city": {"type": "string", "description": "The city"}}',
    'get_weather: {"type": "object", "properties": {"city": {"type": "string"}}}',
    'Tool: get_weather\nParameters: {"city": "<city>"}\nIt gives the weather.',
    "Tool: get_weather\nParameters: city (string)\nIt gives the weather.",
    "get_weather:\n  description: Gives the weather.\n  parameters: city",
    '| tool | arguments |\n|---|---|\n| get_weather | {"city": "Oslo"} |',
    "You could call <get_weather> or [get_weather] here.",
    "The XML element <city> is inside <get_weather>, for example.",
    '```html\n<search><input type="text"></search>\n```',
    '```python\nget_weather = {"city": "Oslo"}\nprint(get_weather)\n```',
    "```css\n.search\n{ color: red }\n```",
    "```cpp\nclass search\n{\n};\n```",
    '<time datetime="2024-01-01">1 January</time>',
    'The search gave: {"hits": 3}',
    "search[0] is the first element.",
    "Action: I recommend to go outside.\nAction Input is not needed.",
    "Action: Finish[Oslo]",
    "time = 5 s, speed = 3 m/s",
    "time\n{x | x > 0} is a set",
    "search for x=5",
    "The mark ✿FUNCTION✿ is written by Qwen-Agent, and <|recipient|> by Functionary.",
    'Some models write <my_tool_call> tags. {"city": "Oslo"} is an object.',
    "I can only use:\n- get_weather(city, unit): finds the weather\n- search(): lists all",
    "1. `get_weather(city: str, unit: Optional[str])` finds the weather.\n2. **search(query)** – searches",
    "get_weather(city?: string) -> object",
    "get_weather:\n  city: required\n  unit: optional",
]


def outcome(dialect: Dialect, text: str) -> str:
    completion = Completion(text)
    return outcome_of(dialect.parse(completion, strict=False), completion, OFFERED)


@pytest.mark.parametrize("text", [*OF_FAMILIES.values(), *OF_NO_FAMILY], ids=[*OF_FAMILIES, *OF_NO_FAMILY])
def test_a_call_of_an_offered_tool_in_any_form_is_no_abstention(text: str) -> None:
    assert "abstain" not in {outcome(dialect, text) for dialect in DIALECTS}


@pytest.mark.parametrize("text", OF_NO_OFFERED_TOOL)
def test_marks_show_a_call_of_a_tool_that_is_not_offered(text: str) -> None:
    assert "abstain" not in {outcome(dialect, text) for dialect in DIALECTS}


@pytest.mark.parametrize("text", PROSE)
def test_words_about_a_tool_are_an_abstention(text: str) -> None:
    assert {outcome(dialect, text) for dialect in DIALECTS} == {"abstain"}


@pytest.mark.parametrize("family", ["ChatGLM", "Functionary 2", "the paper on ReAct", "Cline", "Claude 2"])
def test_a_call_without_marks_counts_only_for_an_offered_tool(family: str) -> None:
    text = OF_FAMILIES[family].replace("get_weather", "book")
    assert {outcome(dialect, text) for dialect in DIALECTS} == {"abstain"}


@pytest.mark.parametrize(
    "part",
    [
        "a ",
        'a {"',
        '"a": {',
        "<a>",
        '<a b="c',
        "<tool name",
        "a[A][A]",
        "a<|b|>",
        "a" + "\n" * 16,
        "act 1 : a[",
        "```a\n",
        "a=1 ",
        " --a b",
        "a:\n b:",
        "a(b, ",
        "a(b: str",
        "[a b ",
        "```a\n{",
    ],
)
def test_the_time_is_proportional_to_the_length(part: str) -> None:
    text = part * ((1 << 17) // len(part))
    assert is_nearly_linear(lambda text: (names_in_calls(text), consists_of_call(text)), text)
