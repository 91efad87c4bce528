"""Other people's formats, each in a sample of its published shape: what a row becomes, and what is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.readers.samples import (
    ARGUMENTS,
    CALL,
    CALLED,
    CHAT,
    INSTRUCTION,
    QUESTION,
    WEATHER,
    case_of,
    lines,
    read,
    when2call,
)
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import names
from toolmark.benchmark.data.cases import Abstain, ExpectCall
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.case_selection import load_cases, open_reader
from toolmark.benchmark.readers.python_calls import python_calls
from toolmark.benchmark.readers.toolmark import case_line
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.gold import GoldProof, perfect
from toolmark.benchmark.scoring.grades import grade
from toolmark.benchmark.scoring.metrics import PRIMARY
from toolmark.benchmark.tools.catalog import catalog
from toolmark.suites.command import import_cases


@pytest.mark.parametrize(("reader", "file", "content"), CALLED, ids=[f"{i}-{row[0]}" for i, row in enumerate(CALLED)])
def test_a_row_with_a_call(tmp_path: Path, reader: str, file: str, content: str) -> None:
    (row,) = read(reader, tmp_path / file, content)
    case = case_of(row)
    assert case.messages[-1].content == QUESTION
    assert case.messages[-1].role == "user"
    assert isinstance(case.expect, ExpectCall)
    (option,) = case.expect.any_of
    assert [(spec.name, {k: rule.of for k, rule in spec.arguments.items()}) for spec in option.calls] == [
        ("get_weather", {"city": ("Rome",), "days": (3,)})
    ]
    assert case.toolbox["get_weather"].parameters["required"] == ["city"]
    assert case.toolbox["get_weather"].parameters["properties"]["days"]["type"] == "integer"
    assert (case.waiver, case.source.name) == (None, reader)
    if isinstance(row, Trace):
        assert row.messages[: len(case.messages)] == case.messages
        assert [call for turn in row.messages for call in turn.tool_calls] == [CALL]
        assert (row.query, row.query_type, row.tool_name) == (QUESTION, "easy", "get_weather")


def test_when2call_says_why_no_call_is_right(tmp_path: Path) -> None:
    rows = read(
        "when2call",
        tmp_path / "x.jsonl",
        lines(
            when2call(correct_answer="request_for_info", held_out_param="city"),
            when2call(correct_answer="cannot_answer", tools=[], target_tool=None),
            when2call(correct_answer="direct"),
        ),
    )
    asked, none_fits, direct = (case_of(row) for row in rows)
    assert asked.expect == Abstain(action="abstain", reason="missing_argument", tool="get_weather", missing="city")
    assert none_fits.expect == Abstain(action="abstain", reason="no_tool_fits")
    assert direct.expect == Abstain(action="abstain", reason="no_tool_needed")
    assert {case.group for case in (asked, none_fits, direct)} == {"when2call:live_simple_1"}


def test_apibank_rows_and_dialogues(tmp_path: Path) -> None:
    dialogue = (
        "User: Weather in Rome?\nAI: One moment.\nAPI-Request: [QueryWeather(city='Rome', days=2)]->{'sky': [1]}\n"
    )
    rows = read(
        "apibank",
        tmp_path / "x.json",
        json.dumps(
            [
                {
                    "instruction": INSTRUCTION,
                    "input": "User: Weather in Rome?\nAI: One moment.\nGenerate API Request:\n",
                    "expected_output": "API-Request: [QueryWeather(city='Rome, \"Italy\"', days=2)]",
                },
                {"instruction": INSTRUCTION, "input": dialogue + "Generate AI Response:\n", "output": "AI: Clear."},
            ]
        ),
    )
    request, answer = (case_of(row) for row in rows)
    assert [turn.role for turn in request.messages] == ["user"]
    assert isinstance(request.expect, ExpectCall)
    assert request.expect.any_of[0].calls[0].arguments["city"].of == ('Rome, "Italy"',)
    assert answer.expect == Abstain(action="abstain", reason="already_answered")
    assert [turn.role for turn in answer.messages] == ["user", "assistant", "tool"]
    assert answer.messages[1].content == "One moment."
    assert answer.messages[2].content == "{'sky': [1]}"

    (tmp_path / "tools.yaml").write_text(json.dumps({"tools": [WEATHER]}))
    turns = [
        {"role": "User", "text": QUESTION},
        {"role": "AI", "text": "I look."},
        {"role": "API", "api_name": "get_weather", "param_dict": ARGUMENTS, "result": {"sky": "clear"}},
        {"role": "AI", "text": "Clear."},
    ]
    (trace,) = read("apibank", tmp_path / "talk.jsonl", lines(*turns))
    assert isinstance(trace, Trace)
    assert case_of(trace).source.ref == "talk.jsonl"


SEARCHER = {
    "description": "Finds tools.",
    "KEY": {"keywords": {"type": "str", "description": "What to find."}},
    "response": {"best": {"type": "Union[List[dict], dict]"}},
}
FOUND = {
    "name": "QueryPlant",
    "description": "Tells about a plant.",
    "input_parameters": {"plant": {"type": "str"}, "since": {"type": "datetime"}},
    "output_parameters": {"facts": {"type": "list"}},
}


def apibank_row(before: str, dialogue: str, request: str, listed: str = "") -> dict[str, str]:
    instruction = f"Generate an API request.\n\nAPI descriptions:\n{listed}"
    return {"instruction": instruction, "input": f"{before}{dialogue}", "output": f"API-Request: [{request}]"}


def searcher(name_key: str, parameters_key: str) -> str:
    fields = {parameters_key if key == "KEY" else key: value for key, value in SEARCHER.items()}
    return json.dumps({name_key: "ToolSearcher", **fields})


def searched(result: str) -> str:
    return (
        f"User: What is a fern?TIME: 2034-04-15 10:00:00\nAPI-Request: [ToolSearcher(keywords='plants')]->{result}\n"
        "Generate API Request: "
    )


@pytest.mark.parametrize(
    ("before", "listed"),
    [
        (searcher("apiCode", "parameters") + "\n", ""),
        ("", searcher("apiCode", "parameters")),
        ("", searcher("name", "input_parameters")),
    ],
    ids=["in the input", "code", "name"],
)
@pytest.mark.parametrize("several", [False, True])
def test_apibank_offers_the_tools_that_were_found(tmp_path: Path, before: str, listed: str, several: bool) -> None:
    other = {**FOUND, "name": "GetToken", "input_parameters": {}}
    result = repr([other, FOUND, FOUND, "no tool"] if several else FOUND)
    rows = [
        apibank_row(before, "User: What is a fern?\nGenerate API Request: ", "ToolSearcher(keywords='plants')", listed),
        apibank_row(before, searched(result), "QueryPlant(plant='fern')", listed),
    ]
    first, second = map(case_of, read("apibank", tmp_path / "x.json", json.dumps(rows)))
    assert first.toolbox.names == ("ToolSearcher",)
    assert second.toolbox.names == ("ToolSearcher", *(("GetToken",) if several else ()), "QueryPlant")
    for case, query in ((first, "What is a fern?"), (second, "What is a fern?TIME: 2034-04-15 10:00:00")):
        assert case.messages[0].content == query
        assert case.waiver is None
    assert isinstance(second.expect, ExpectCall)
    assert second.expect.any_of[0].calls[0].arguments["plant"].of == ("fern",)
    assert [turn.role for turn in second.messages] == ["user", "assistant", "tool"]


@pytest.mark.parametrize("result", ["{'name': 'Other', 'input_parameters': {'a': {'type': str}}}", "None", "{}"])
def test_an_apibank_row_without_the_definition_of_its_tool_says_so(tmp_path: Path, result: str) -> None:
    row = apibank_row(searcher("apiCode", "parameters") + "\n", searched(result), "QueryPlant(plant='fern')")
    (found,) = read("apibank", tmp_path / "x.json", json.dumps([row]))
    assert isinstance(found, BadRow)
    assert "the definition of QueryPlant is not in the row" in found.reason


@pytest.mark.parametrize(
    "text",
    ["f(1)", "[f(a=b)]", "f(a=1)(b=2)", "[f(a=__import__('os'))]", "x.f(a=1)", "[1]", "(" * 5_000, "f(a=" * 5_000],
)
def test_a_request_is_calls_of_literals(text: str) -> None:
    with pytest.raises(ValueError):
        python_calls(text)


def test_sealtools_values_have_the_type_of_their_tool(tmp_path: Path) -> None:
    def tool(name: str, field: str) -> dict[str, Any]:
        parameters = {"mass": {"type": "float"}, "n": {"type": "int"}, "on": {"type": "bool"}, "s": {"type": "str"}}
        parameters["l"] = {"type": "list"}
        return {"api_name": name, "api_description": "", "field": field, "parameters": parameters, "required": ["mass"]}

    (tmp_path / "tool.jsonl").write_text(lines(tool("other", "a/b"), tool("force", "a/b"), tool("far", "c/d")))
    calls = [
        {
            "api": "force",
            "parameters": {"mass": "37.5", "n": "3", "on": "True", "s": "5", "l": "['a']"},
            "responses": [],
        }
    ]
    infinite = [{"api": "force", "parameters": {"mass": "inf"}}]
    nested = [{"api": "force", "parameters": {"mass": "1", "s": "API_call_0"}}]
    typed, waived, bad, no_number = read(
        "sealtools",
        tmp_path / "dev.jsonl",
        lines(
            {"id": "d-0", "query": "?", "calling": calls},
            {"id": "d-1", "query": "?", "calling": nested},
            {"id": "d-2", "query": "?", "calling": [{"api": "nobody", "parameters": {}}]},
            {"id": "d-3", "query": "?", "calling": infinite},
        ),
    )
    assert isinstance(typed.expect, ExpectCall)
    rules = typed.expect.any_of[0].calls[0].arguments
    assert {name: rule.of[0] for name, rule in rules.items()} == {
        "mass": 37.5,
        "n": 3,
        "on": True,
        "s": "5",
        "l": ["a"],
    }
    assert '"inf" is not of type "number"' in no_number.waiver
    assert typed.toolbox.names == ("other", "force")
    assert typed.seen_unknown
    assert waived.waiver == "an argument is the result of an earlier call"
    assert (bad.line, "nobody" in bad.reason) == (3, True)


def test_metatool_lists_its_tools_or_does_not(tmp_path: Path) -> None:
    prompt = "1. tool name: Now, tool description: ['The time.']\n2. tool name: News, tool description: What is new."
    rows = [
        {"query": "What time is it?", "tool": "Now", "action_prompt": prompt},
        {"query": "Two of them?", "tool": ["Now", "News"], "action_prompt": prompt},
        {"query": "Play chess.", "tool": "Chess", "action_prompt": prompt},
    ]
    one, two, none_fits = read("metatool", tmp_path / "Task2.json", json.dumps(rows))
    assert one.toolbox.names == ("Now", "News")
    assert [spec.name for spec in two.expect.any_of[0].calls] == ["Now", "News"]
    assert none_fits.expect == Abstain(action="abstain", reason="no_tool_fits")
    assert not one.seen_unknown

    task1 = [{"query": "A poem?", "label": "negative"}, {"query": "The time?", "label": "positive", "tool": "Now"}]
    with pytest.raises(InputError, match=r"plugin_des\.json"):
        read("metatool", tmp_path / "Task1.json", json.dumps(task1))
    (tmp_path / "plugin_des.json").write_text(json.dumps({"Now": "The time."}))
    needless, needed = read("metatool", tmp_path / "Task1.json", json.dumps(task1))
    assert needless.expect == Abstain(action="abstain", reason="no_tool_needed")
    assert (needed.toolbox.names, needed.seen_unknown) == (("Now",), True)


def test_a_plain_table_takes_its_tools_from_where_there_are_some(tmp_path: Path) -> None:
    content = "Query,Tool\nWhat is 2 + 2?,calculator\nWho are you?,none\nTwo?,calculator; word_count\nX?,nobody\n"
    one, none_needed, two, bad = read("csv", tmp_path / "x.csv", content)
    assert one.toolbox.tools == catalog().tools
    assert none_needed.expect == Abstain(action="abstain", reason="no_tool_needed")
    assert [spec.name for spec in two.expect.any_of[0].calls] == ["calculator", "word_count"]
    assert (bad.line, "not offered" in bad.reason) == (5, True)
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps({"tools": [{"name": "calculator"}, {"name": "nobody"}, {"name": "word_count"}]}))
    cases, skipped = load_cases(f"csv:{tmp_path / 'x.csv'}", tools=str(mine))
    assert (len(cases), skipped) == (4, [])
    assert cases[0].toolbox.names == ("calculator", "nobody", "word_count")


def test_where_arguments_are_not_known_only_the_rest_is_judged(tmp_path: Path) -> None:
    (case,) = read("csv", tmp_path / "x.csv", "query,tool\nConvert this?,convert_currency\n")
    right = grade(case, perfect(case, Json()), Json())
    assert {metric.id: metric.of(right) for metric in PRIMARY} == {
        "timing.recall": 1,
        "timing.restraint": None,
        "selection.tool": 1,
        "validity.schema": 1,
        "validity.call": None,
        "guard.stops": 1,
    }
    wrong = grade(case, Completion('{"name": "convert_currency", "arguments": {"amount": "ten"}}'), Json())
    assert (wrong.cause, wrong.schema_valid) == ("invalid_argument", False)
    with Executor("pure") as executor:
        assert all(GoldProof([case], Json(), executor).faults(metric.id) == [] for metric in PRIMARY)


BROKEN = [
    ("openai", "x.jsonl", lines({"tools": [WEATHER]}), "messages is missing"),
    ("openai", "x.jsonl", lines({"messages": CHAT, "tools": []}), "not offered: the row lists no tools"),
    ("openai", "x.jsonl", lines({"messages": [{"role": "robot"}]}), "roles"),
    ("openai", "x.jsonl", lines({"messages": CHAT[:2]}), "no assistant turn"),
    ("openai", "x.jsonl", lines({"messages": CHAT, "tools": [WEATHER, WEATHER]}), "two tools"),
    ("trl", "x.jsonl", lines({"prompt": "text", "completion": "text"}), "conversation must be in"),
    ("trl", "x.jsonl", lines({"messages": "[", "tools": [WEATHER]}), "the field messages cannot be read as JSON: '['"),
    (
        "openai",
        "x.jsonl",
        lines({"messages": [{"role": "assistant", "function_call": {"name": "get_weather", "arguments": "{"}}]}),
        "the text of the arguments of get_weather cannot be read as JSON: '{'",
    ),
    ("trl", "x.jsonl", lines({"messages": CHAT, "tools": "[{]"}), "the field tools cannot be read"),
    ("sharegpt", "x.json", lines({"conversations": [{"from": "alien", "value": "?"}]}), "must be one of"),
    ("when2call", "x.jsonl", lines(when2call(correct_answer="perhaps")), "perhaps"),
    ("xlam", "x.json", lines({"query": "?", "tools": [WEATHER]}), "answers is missing"),
    ("xlam", "x.json", lines({"query": "?", "tools": [WEATHER], "answers": [{"name": "g"}]}), "not offered"),
    ("xlam", "x.json", lines({"query": " ", "tools": [WEATHER], "answers": []}), "query is empty"),
    ("when2call", "x.jsonl", lines(when2call(question="")), "question is empty"),
    ("xlam", "x.json", lines({"query": 5, "tools": [WEATHER], "answers": []}), "query must be a string"),
    ("apibank", "x.json", lines({"instruction": "?", "input": "User: ?", "output": "AI: ."}), "lists no APIs"),
    ("metatool", "x.json", lines({"tool": "a", "action_prompt": "1. tool name: a, tool description: b"}), "query"),
    ("csv", "x.csv", "a,b\n1,2\n", "no column tool"),
]


@pytest.mark.parametrize(
    ("reader", "file", "content", "said"), BROKEN, ids=[f"{i}-{row[0]}" for i, row in enumerate(BROKEN)]
)
def test_a_bad_row_is_told_with_its_place(tmp_path: Path, reader: str, file: str, content: str, said: str) -> None:
    (bad,) = read(reader, tmp_path / file, content)
    assert isinstance(bad, BadRow), bad
    assert said in bad.reason
    assert bad.place.startswith(f"{tmp_path / file}:{2 if reader == 'csv' else 1}")
    with pytest.raises(InputError, match="--skip-bad") as caught:
        load_cases(f"{reader}:{tmp_path / file}")
    assert ("--tools" in caught.value.fix) == (reader in ("apibank", "csv", "metatool"))


def test_two_equal_questions_are_an_error_or_counted(tmp_path: Path) -> None:
    row = {"messages": CHAT, "tools": [WEATHER]}
    (tmp_path / "x.jsonl").write_text(lines(row, {**row, "messages": [*CHAT[:2], CHAT[4]]}))
    with pytest.raises(InputError, match="the same messages and tools"):
        load_cases(f"openai:{tmp_path / 'x.jsonl'}")
    cases, skipped = load_cases(f"openai:{tmp_path / 'x.jsonl'}", skip_bad=True)
    assert (len(cases), len(skipped)) == (1, 1)
    (tmp_path / "x.jsonl").write_text(lines(row, row))
    cases, skipped = load_cases(f"openai:{tmp_path / 'x.jsonl'}")
    assert (len(cases), len(skipped)) == (1, 1)
    assert "x.jsonl:2" in skipped[0].reason


def test_tools_for_rows_that_bring_their_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lists its own tools"):
        open_reader(f"openai:{tmp_path}", tools="mine.yaml")
    with pytest.raises(InputError, match="Did you mean xlam"):
        open_reader("xlan:x.json")


@pytest.fixture
def sources(tmp_path: Path) -> Callable[[], list[str]]:
    def written() -> list[str]:
        found = []
        for index, (reader, file, content) in enumerate(CALLED):
            folder = tmp_path / str(index)
            folder.mkdir()
            (folder / file).write_text(content, encoding="utf-8")
            found.append(f"{reader}:{folder / file}")
        (tmp_path / "x.csv").write_text("query,tool\nWhat is 2 + 2?,calculator\n")
        return [*found, f"csv:{tmp_path / 'x.csv'}"]

    return written


def test_what_is_imported_reads_back_as_the_same_cases(
    sources: Callable[[], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for index, source in enumerate(sources()):
        out = tmp_path / f"{index}.test.jsonl"
        import_cases(source, out=out)
        assert f"1 cases written to {out}" in capsys.readouterr().out
        (read_back,), (imported,) = load_cases(str(out))[0], load_cases(source)[0]
        named = imported.toolbox.model_copy(update={"name": ""})  # its tools stand in place
        assert read_back == imported.model_copy(update={"toolbox": named})
        assert read_back.id == imported.id
    with pytest.raises(InputError, match="already exists"):
        import_cases(source, out=out)
    with pytest.raises(InputError, match=r"does not end in \.jsonl"):
        import_cases(source, out=tmp_path / "x.csv")


def test_the_id_of_a_case_that_nobody_saw_survives_its_file(tmp_path: Path) -> None:
    (tmp_path / "plugin_des.json").write_text(json.dumps({"Now": "The time."}))
    row = {"query": "The time?", "label": "positive", "tool": "Now"}
    (case,) = read("metatool", tmp_path / "Task1.json", json.dumps([row]))
    (tmp_path / "x.jsonl").write_text(case_line(case))
    assert load_cases(str(tmp_path / "x.jsonl"))[0] == [case]


def test_every_reader_is_registered() -> None:
    assert set(names("toolmark.readers")) >= {
        *("anthropic", "apibank", "bfcl", "csv", "gemini", "metatool", "openai", "sealtools", "sharegpt"),
        *("toolmark", "trl"),
        *("tutorial", "when2call", "xlam"),
    }
