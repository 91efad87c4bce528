"""Each kind of difference between the prompt of the training and the prompt of a runtime is named, and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from toolmark.benchmark.data.cases import Case, Message, Tool
from toolmark.benchmark.deployment.prompt_classes import MEANINGS
from toolmark.benchmark.deployment.prompt_differences import compare_prompts
from toolmark.benchmark.deployment.shown_tools import shown_tools
from toolmark.benchmark.deployment.trained_side import TrainedSide
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.runtimes.runtime import RuntimePrompt

POCKET = Path(__file__).parents[3] / "benchmark" / "engine" / "pocket"
UNIT = {"type": "string", "enum": ["km", "mi"], "description": "Unit of the result."}
TOOLS = (
    Tool(
        name="distance",
        description="Computes the distance between two places.",
        parameters={"type": "object", "properties": {"to": {"type": "string"}, "unit": UNIT}, "required": ["to"]},
    ),
    Tool(
        name="weather",
        description="Tells the weather on a day.",
        parameters={"type": "object", "properties": {"day": {"type": "string", "format": "date"}}},
    ),
)
CASE = Case.model_validate(
    {
        "messages": [
            {"role": "system", "content": "Today is 26 Jul 2024. Be brief."},
            {"role": "user", "content": "How far is Rome, {in braces}?"},
        ],
        "toolbox": {"name": "t", "tools": [tool.model_dump() for tool in TOOLS]},
        "expect": {"action": "abstain", "reason": "no_tool_fits"},
        "group": "g",
        "split": "test",
        "source": {"name": "test", "ref": "1"},
        "licence": "CC0-1.0",
    }
)
SIDE = TrainedSide(POCKET, Tagged(), {})
SEEN = SIDE.prompt(CASE)
LINES = {tool.name: next(line for line in SEEN.text.splitlines() if f'"{tool.name}"' in line) for tool in TOOLS}


def deployed(text: str) -> RuntimePrompt:
    return RuntimePrompt(text, (2, *SIDE.tokens.encode(text.removeprefix("<bos>"))))


def kinds(prompt: RuntimePrompt, read: int | None = None) -> list[str]:
    return [one.kind for one in compare_prompts(SEEN, prompt, SIDE.tokens, read)]


def _respelled(text: str) -> str:
    return text.replace(LINES["distance"], json.dumps(json.loads(LINES["distance"])))


def _openai(text: str) -> str:
    for tool in TOOLS:
        text = text.replace(LINES[tool.name], json.dumps(tool.as_openai()))
    return text


def _swapped(text: str) -> str:
    return text.replace(LINES["distance"], "§").replace(LINES["weather"], LINES["distance"]).replace(
        "§", LINES["weather"]
    )  # fmt: skip


def _go_struct(text: str) -> str:
    shown = "{function {distance Computes the distance between two places. {object [to] map[to:{string  []}]}}}"
    return text.replace(LINES["distance"], shown)


FAULTS = {
    "white_space": lambda text: text.replace("<start_of_turn>model", " <start_of_turn>model"),
    "braces_doubled": lambda text: text.replace('{"tool_name": "NAME"', '{{"tool_name": "NAME"'),
    "date": lambda text: text.replace("26 Jul 2024", "3 Nov 2026"),
    "tool_order": _swapped,
    "schema_spelling": _respelled,
    "schema_parts_missing": lambda text: text.replace('"enum":["km","mi"],', ""),
    "schema_changed": lambda text: text.replace('"km"', '"kilometre"'),
    "schema_not_json": _go_struct,
    "tool_missing": lambda text: text.replace(f"\n{LINES['weather']}", ""),
    "system_injected": lambda text: text.replace("user\n", "user\nYou are a helpful assistant.\n\n"),
    "template_text": lambda text: text.replace("nothing after it", "no more text"),
    "truncated": lambda text: text[text.index("weather") :],
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_changed_text_is_named_and_nothing_else(kind):
    changed = FAULTS[kind](SEEN.text)
    assert changed != SEEN.text
    assert kinds(deployed(changed)) == [kind]


def test_equal_prompts_have_no_difference():
    assert kinds(deployed(SEEN.text)) == []
    assert kinds(RuntimePrompt(SEEN.text.removeprefix("<bos>"), None)) == []


def test_tools_in_the_form_of_openai_are_the_same_schemas():
    assert kinds(deployed(_openai(SEEN.text))) == ["schema_spelling"]


def test_several_faults_are_all_named():
    text = FAULTS["date"](FAULTS["schema_parts_missing"](_swapped(SEEN.text)))
    assert sorted(kinds(deployed(text))) == ["date", "schema_parts_missing", "tool_order"]


def test_differences_of_the_tokens():
    text, ids = SEEN.text, SEEN.ids
    assert kinds(RuntimePrompt(text, (2, *ids))) == ["bos_doubled"]
    assert kinds(RuntimePrompt(text, ids[1:])) == ["bos_missing"]
    assert kinds(RuntimePrompt(None, ids[1:])) == ["bos_missing"]
    turn = SIDE.tokens.encode("<start_of_")[:-1]
    plain = [piece for mark in re.split("(<start_of_turn>)", text.removeprefix("<bos>")) for piece in _plainly(mark)]
    assert turn
    assert kinds(RuntimePrompt(text, (2, *plain))) == ["special_as_text"]
    split = [*ids[:-2], *(token for piece in "el" for token in SIDE.tokens.encode(piece)), ids[-1]]
    assert SIDE.tokens.decode(split) == SIDE.tokens.decode(ids)
    assert kinds(RuntimePrompt(text, tuple(split))) == ["tokenizer"]
    assert kinds(deployed(text), read=len(ids) - 100) == ["truncated"]


def _plainly(text: str) -> list[int]:
    if text == "<start_of_turn>":
        return [token for piece in ("<", "start", "_of_turn>") for token in SIDE.tokens.encode(piece)]
    return SIDE.tokens.encode(text)


def test_a_call_in_the_conversation_is_not_a_schema():
    call = '<tool_call>{"tool_name": "distance", "args": {"to": "Rome"}}</tool_call>'
    assert [tool.name for tool in shown_tools(f"{call}\n{LINES['weather']}", TOOLS)] == ["weather"]


HOSTILE = (
    "{" * 50_000 + '"distance"',
    '{"a":' * 5_000 + '"distance"',
    '"distance"' * 9_999,
    '{"name":"distance","a":' * 700 + "1" + "}" * 700,
    '" , ' * 5_000,
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_prompts_end(text):
    assert kinds(RuntimePrompt(text, None))


def test_every_class_has_a_meaning():
    assert set(FAULTS) | {"bos_doubled", "bos_missing", "special_as_text", "tokenizer"} == set(MEANINGS)


def test_a_case_without_a_system_turn():
    case = CASE.model_copy(update={"messages": (Message(role="user", content="Hi"),)})
    seen = SIDE.prompt(case)
    text = seen.text.replace("user\n", "system\nYou are Bot.<end_of_turn>\n<start_of_turn>user\n")
    assert [one.kind for one in compare_prompts(seen, deployed(text), SIDE.tokens)] == ["system_injected"]
