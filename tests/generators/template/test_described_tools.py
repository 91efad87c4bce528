"""Any tool with a schema: valid arguments, varied questions, and a dataset of tools that nobody has seen here."""

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from datasets import load_from_disk
from hypothesis import given
from hypothesis import strategies as st

from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.readers.toolmark import ToolmarkReader
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.gold import GoldProof
from toolmark.benchmark.tools.schemas import compile_schema, problems
from toolmark.benchmark.tools.sources.openapi import read_openapi
from toolmark.benchmark.tools.sources.python import read_python
from toolmark.generators.commands.generate import app
from toolmark.generators.template.schema import CannotSample, DescribedTool

MINE = Path(__file__).parent / "mine.py"


def run(*tokens: str) -> None:
    app(tokens, exit_on_error=False, print_error=False, result_action="return_value")


def written(folder: Path) -> list[dict[str, Any]]:
    splits = load_from_disk(folder / "traces")
    return [row for name in ("train", "validation") for row in splits[name]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("own")
    (base / "MANIFEST.toml").write_text("")
    out = base / "mine"
    tools = ("--tools", str(MINE), "--execute", "all", "--manifest", str(base / "MANIFEST.toml"))
    run("template", *tools, "--out", str(out))
    return out


def masked(row: dict[str, Any]) -> str:
    """The query without whatever a call's values, numbers, dates and quotations put into it."""
    text = row["query"]
    values: set[str] = set()
    for message in row["messages"]:
        for call in message.get("tool_calls") or ():
            values |= set(re.findall(r"\w+", json.dumps(call["function"]["arguments"], ensure_ascii=False)))
    text = re.sub(r"'[^']*'|\"[^\"]*\"", "_", text)
    return " ".join(word for word in re.findall(r"[^\W\d]+", text) if word not in values)


def test_five_unseen_functions_give_five_hundred_varied_traces(folder: Path) -> None:
    rows = written(folder)
    assert len(rows) >= 500
    calls = [row for row in rows if row["tool_needed"]]
    assert {row["tool_name"] for row in calls} == {
        "book_table",
        "mix_paint",
        "trail_time",
        "label_sample",
        "tide_level",
    }
    assert len({row["query_type"] for row in rows}) == 6
    assert len({masked(row) for row in calls}) >= 300
    named = [row for row in calls if re.search(row["tool_name"].replace("_", "[ _]"), row["query"], re.IGNORECASE)]
    assert len(named) <= len(calls) / 2
    assert all(row["messages"][-1]["content"] for row in rows)


def test_the_suites_judge_a_model_on_them(folder: Path, suites: Any) -> None:
    ended = suites("--model", "pocket", "--cases", str(folder), "--limit", "6", "-k", "not gold")
    assert ended.returncode == 0, ended.stdout
    assert re.search(r"timing\.recall .* \d", ended.stdout), "a table"
    assert "generated" in ended.stdout


def test_every_gold_call_is_valid_was_executed_and_proves_itself(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["unexecuted_calls"] == 0
    assert manifest["execute"] == "all"
    cases = [case for split in ("dev", "test") for case in ToolmarkReader().read(folder / f"cases.{split}.jsonl")]
    assert len(cases) > 100
    with Executor("all", read_python(MINE).tools) as executor:
        for metric in ("validity.call", "timing.restraint"):
            assert GoldProof(cases, Json(), executor).faults(metric) == []  # type: ignore[arg-type]


def test_what_a_call_must_copy_stands_in_the_question(folder: Path) -> None:
    for row in written(folder):
        if row["query_type"] != "easy" or row["tool_name"] not in ("book_table", "label_sample"):
            continue
        (call,) = row["messages"][1]["tool_calls"]
        for name, value in call["function"]["arguments"].items():
            if isinstance(value, str):
                assert value in row["query"], (name, value, row["query"])


def test_the_right_tool_is_not_offered_where_none_fits(folder: Path) -> None:
    for case in (case for split in ("dev", "test") for case in ToolmarkReader().read(folder / f"cases.{split}.jsonl")):
        if case.expect.action == "abstain" and case.expect.reason == "no_tool_fits":  # type: ignore[union-attr]
            assert case.tags.get("tool") not in case.toolbox.names  # type: ignore[union-attr]


def test_distractors_are_borrowed_where_there_are_too_few(tmp_path: Path) -> None:
    (tmp_path / "MANIFEST.toml").write_text("")
    out = tmp_path / "many"
    count = ("--count", "60", "--min-distractors", "25", "--max-distractors", "39", "--borrow", "catalog")
    run("template", "--tools", str(MINE), *count, "--manifest", str(tmp_path / "MANIFEST.toml"), "--out", str(out))
    assert all(row["num_tools_available"] >= 25 for row in written(out))


SCHEMAS: list[dict[str, Any]] = [
    {"type": "string", "format": "email"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "uuid"},
    {"type": "string", "format": "ipv4"},
    {"type": "string", "format": "ipv6"},
    {"type": "string", "format": "uri", "maxLength": 200},
    {"type": "string", "format": "duration"},
    {"type": "string", "format": "time"},
    {"type": "string", "minLength": 12, "maxLength": 14},
    {"type": "string", "pattern": "^(?:ab|cd){2,3}-[0-9a-f]{4}\\d?$"},
    {"type": "string", "pattern": "^\\+?[1-9]\\d{1,14}$"},
    {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
    {"type": "integer", "minimum": 10, "maximum": 100, "multipleOf": 25},
    {"type": "number", "minimum": -1.5, "exclusiveMaximum": -1.0},
    {"enum": ["a", 3, None, True]},
    {"const": {"a": [1]}},
    {"type": ["null", "boolean"]},
    {"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2}]},
    {"allOf": [{"type": "integer", "minimum": 5}, {"maximum": 7}]},
    {"type": "array", "items": {"enum": ["x", "y", "z"]}, "uniqueItems": True, "minItems": 3},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/tree"}}, "required": ["a"]},
    {"type": "object", "additionalProperties": {"type": "number"}, "minProperties": 1},
    {},
    True,
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_drawn_arguments_are_valid(schema: Any) -> None:
    tree = {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/$defs/tree"}}}
    parameters = {"type": "object", "properties": {"x": schema}, "required": ["x"], "$defs": {"tree": tree}}
    known = DescribedTool(Tool(name="do_it", description="Do it.", parameters=parameters))
    validator = compile_schema(parameters)
    for seed in range(40):
        phrase = known.question(Random(seed), "easy")
        assert problems(phrase.draw.arguments, validator) == []
        assert phrase.text.format(**phrase.draw.slots)


EXAMPLES = "Booking number, such as 'B-1001' or 'B-1002'"


@pytest.mark.parametrize(
    ("name", "schema", "only"),
    [
        ("booking", {"type": "string", "description": EXAMPLES}, True),
        ("order_number", {"type": "string", "description": EXAMPLES}, True),
        ("bookings", {"type": "array", "items": {"type": "string"}, "description": EXAMPLES}, True),
        ("booking", {"anyOf": [{"type": "string"}, {"type": "null"}], "description": EXAMPLES}, True),
        ("city", {"type": "string", "description": "City, such as 'Paris'"}, False),
        ("remark", {"type": "string", "description": "The customer's remark about the driver's car"}, False),
        ("where", {"type": "string", "description": "Where it is, such as a shelf or a box"}, False),
    ],
)
def test_quoted_examples_are_the_only_values_of_a_code(name: str, schema: Any, only: bool) -> None:
    parameters = {"type": "object", "properties": {name: schema}, "required": [name]}
    known = DescribedTool(Tool(name="find_it", description="Find it.", parameters=parameters))
    drawn = [known.question(Random(seed), "easy").draw.arguments[name] for seed in range(60)]
    values = {value for one in drawn for value in (one if isinstance(one, list) else [one])}
    if only:
        assert values == {"B-1001", "B-1002"}
    else:
        assert len(values) > 5
        assert not any("remark about" in value for value in values)


def test_a_list_with_too_few_examples_gets_other_items() -> None:
    numbers = {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 3,
        "uniqueItems": True,
        "description": EXAMPLES,
    }
    parameters = {"type": "object", "properties": {"bookings": numbers}, "required": ["bookings"]}
    known = DescribedTool(Tool(name="find_it", description="Find it.", parameters=parameters))
    assert len(known.question(Random(0), "easy").draw.arguments["bookings"]) >= 3


@pytest.mark.parametrize(
    "schema",
    [False, {"type": "string", "pattern": "^(?:a{9}){99}$"}, {"not": {}}, {"$ref": "#/properties/x"},
     {"type": "integer", "minimum": 3, "maximum": 2}, {"type": "string", "minLength": 10000}],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_drawn_is_said(schema: Any) -> None:
    parameters = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    with pytest.raises(CannotSample):
        DescribedTool(Tool(name="f", description="F.", parameters=parameters))


@given(name=st.text(min_size=1, max_size=30), description=st.text(max_size=120), argument=st.text(max_size=20))
def test_hostile_words_never_break_a_question(name: str, description: str, argument: str) -> None:
    parameters = {"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]}
    known = DescribedTool(Tool(name=name, description=description, parameters=parameters))
    for seed, kind in enumerate(("easy", "hard", f"missing/{argument}")):
        phrase = known.question(Random(seed), kind)
        assert phrase.text.format(**phrase.draw.slots)


@pytest.mark.parametrize(
    ("name", "description", "said"),
    [
        ("book_table", "Book a table.", {"order book a table", "order reserve a table"}),
        ("getTide", "Returns the tide in a bay.", {"thing the tide in a bay", "order get the tide in a bay"}),
        ("price", "What an item costs.", {"clause what an item costs"}),
        ("tag_it", "Attach tags to a sample", {"order attach tags to a sample"}),
        ("svc", "Weather service for cities", {"thing the weather service for cities"}),
        ("list_open_orders", "", {"thing the open orders"}),
        ("zap", "", {"thing the zap"}),
    ],
)  # fmt: skip
def test_descriptions_become_intents(name: str, description: str, said: set[str]) -> None:
    known = DescribedTool(Tool(name=name, description=description))
    assert said <= {f"{intent.kind} {intent.words}" for intent in known.intents}


def test_an_openapi_tool_is_asked_for_without_being_sent(tmp_path: Path) -> None:
    spec = tmp_path / "api.json"
    body = {"type": "object", "required": ["to"], "properties": {"to": {"type": "string", "format": "email"}}}
    post = {"operationId": "send_email", "summary": "Send an email.", "responses": {},
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}}}  # fmt: skip
    servers = [{"url": "http://127.0.0.1:9"}]
    spec.write_text(json.dumps({"openapi": "3.1.0", "servers": servers, "paths": {"/mails": {"post": post}}}))
    assert read_openapi(spec).tools[0].effects == "write"
    (tmp_path / "MANIFEST.toml").write_text("")
    manifest = ("--manifest", str(tmp_path / "MANIFEST.toml"))
    run("template", "--tools", str(spec), "--count", "30", *manifest, "--out", str(tmp_path / "data"))
    report = json.loads((tmp_path / "data" / "manifest.json").read_text())
    assert report["unexecuted_calls"] > 0
    assert report["rejections"]["execution"] == 0
