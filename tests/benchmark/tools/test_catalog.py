"""The catalog's tools: their list and schemas, and for each tool one right call and one wrong call."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.sandbox import Sandbox
from toolmark.benchmark.tools.schemas import check_schema, compile_schema, problems, subschemas

TUTORIAL = Path(__file__).parents[4] / "shared" / "data" / "tutorial" / "tools.yaml"

# tool, right arguments, what the result is or contains, arguments that must fail (None: none can)
CALLS = [
    ("calculator", {"expression": "(2 + 3) * 4 - 10 / 4"}, 17.5, {"expression": "1 / 0"}),
    ("compute_median", {"numbers": [3, 1, 2]}, 2, {"numbers": []}),
    ("compute_std_dev", {"numbers": [2, 4, 4, 4, 5, 5, 7, 9]}, pytest.approx(2.138089935), {"numbers": [1]}),
    ("compute_min_max", {"numbers": [3, -1, 2.5]}, {"min": -1, "max": 3}, {"numbers": ["3"]}),
    ("calculate_combinations", {"n": 52, "r": 5}, 2598960, {"n": 5, "r": -1}),
    ("calculate_tax", {"income": 100000}, 16914.0, {"income": -1}),
    ("add_days_to_date", {"date": "2024-02-28", "days": 2}, "2024-03-01", {"date": "2024-02-28", "days": 10**9}),
    ("get_weekday_from_date", {"date": "2025-06-16"}, "Monday", {"date": "2025-02-30"}),
    (
        "convert_time_zone",
        {"datetime_str": "2025-07-01T12:00", "from_timezone": "America/New_York", "to_timezone": "Asia/Tokyo"},
        "2025-07-02T01:00:00+09:00",
        {"datetime_str": "2025-02-30T12:00", "from_timezone": "UTC", "to_timezone": "UTC"},
    ),
    (
        "calculate_date_diff",
        {"start_date": "2025-01-01", "end_date": "2024-01-01"},
        -366,
        {"start_date": "1 May", "end_date": "2 May"},
    ),
    ("get_unix_timestamp", {"date": "2025-01-01"}, 1735689600, {"date": "2025"}),
    ("get_current_datetime", {}, {"datetime": "2025-06-16T09:30:00+00:00"}, {"timezone": "UTC"}),
    ("reverse_list", {"items": [1, "a", True, 2.5]}, [2.5, True, "a", 1], {"items": "abc"}),
    ("deduplicate_list", {"items": [1, True, 1, "1", "1"]}, [1, True, "1"], {"items": [[1]]}),
    ("sort_list", {"items": [3, 1.5, 2], "descending": True}, [3, 2, 1.5], {"items": [1, "a"]}),
    (
        "filter_list",
        {"items": [5, 12, 20], "condition": "x > 10 and x % 2 == 0"},
        [12, 20],
        {"items": [], "condition": 1},
    ),
    ("word_count", {"text": "one two  three"}, 3, {"text": 3}),
    ("char_count", {"text": "Strawberry", "character": "r"}, 3, {"text": "a", "character": "ab"}),
    ("slugify_text", {"text": "  Crème brûlée: it's easy! "}, "creme-brulee-its-easy", {}),
    ("extract_hashtags", {"text": "Go #team and #World_Cup2026, not a#b or #1"}, ["#team", "#World_Cup2026"], {}),
    (
        "extract_urls",
        {"text": "See https://a.org/x?y=1, and (http://b.net)."},
        ["https://a.org/x?y=1", "http://b.net"],
        {},
    ),
    ("validate_email", {"email": "ana.lopez+news@mail.example.com"}, True, {"mail": "a@b.org"}),
    (
        "extract_phone_number",
        {"text": "Call +1 (555) 123-4567 or 020 7946 0958, room 12."},
        ["+1 (555) 123-4567", "020 7946 0958"],
        {},
    ),
    (
        "convert_bases",
        {"number": "-FF", "from_base": 16, "to_base": 2},
        "-11111111",
        {"number": "12", "from_base": 2, "to_base": 10},
    ),
    (
        "unit_conversion",
        {"value": 212, "from_unit": "f", "to_unit": "c"},
        100,
        {"value": 1, "from_unit": "kg", "to_unit": "m"},
    ),
    (
        "convert_currency",
        {"amount": 100, "from_currency": "USD", "to_currency": "JPY"},
        {"amount": 15000, "currency": "JPY"},
        {"amount": 1, "from_currency": "usd", "to_currency": "EUR"},
    ),
    ("get_weather", {"city": "Tokyo"}, {"city": "Tokyo", "temperature_c": 27}, {"city": "Berlin"}),
    ("fetch_stock_price", {"symbol": "MSFT"}, {"price_usd": 462}, {"symbol": "IBM"}),
    ("fetch_crypto_price", {"symbol": "ETH"}, {"price_usd": 2515.5}, {"symbol": "eth"}),
    (
        "send_email",
        {"to": "a@b.org", "subject": "Hi", "body": "Hello"},
        {"to": "a@b.org", "characters": 5},
        {"to": "Ana", "subject": "Hi", "body": ""},
    ),
    ("send_slack_message", {"channel": "#general", "message": "Hi"}, {"channel": "#general"}, {"channel": "#general"}),
    ("post_to_x", {"message": "Hello"}, {"characters": 5}, {"message": "x" * 281}),
    (
        "create_event",
        {"title": "Lunch", "datetime_str": "2025-07-01T12:00"},
        {"title": "Lunch", "starts": "2025-07-01T12:00:00", "location": ""},
        {"title": "Lunch", "datetime_str": "noon"},
    ),
    (
        "set_reminder",
        {"message": "Call", "datetime_str": "2025-07-01T12:00:30"},
        {"at": "2025-07-01T12:00:30"},
        {"message": "Call", "datetime_str": "2025-13-01T12:00"},
    ),
    ("add_to_todo_list", {"task": "Buy milk"}, {"task": "Buy milk"}, {"tasks": ["Buy milk"]}),
    ("web_search", {"query": "Eiffel tower history"}, {"note": "fixed sample data, not live"}, {"query": "?!"}),
    ("notion_search", {"query": "sprint retrospective"}, {"note": "fixed sample data, not live"}, {"query": None}),
    ("retrieve_data", {"query": "password reset"}, {"note": "fixed sample data, not live"}, {"query": ""}),
    (
        "query_database",
        {"query": "SELECT name FROM customers WHERE city = 'New York' ORDER BY id LIMIT 1", "dataset": "customers"},
        {"rows": [["Emma Jones"]]},
        {"query": "DELETE FROM customers", "dataset": "customers"},
    ),
    (
        "generate_password",
        {"length": 20, "use_symbols": False},
        {"note": "a stand-in, always the same; not a secret"},
        {"length": 3},
    ),
]


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as running:
        yield running


def test_the_table_above_has_one_row_for_every_tool():
    assert sorted(name for name, *_ in CALLS) == sorted(catalog().names)


@pytest.mark.slow
@pytest.mark.skipif(not TUTORIAL.is_file(), reason="the tutorial's data is not at hand")
def test_names_and_arguments_are_the_tutorials():
    theirs = YAML(typ="safe").load(TUTORIAL.read_text())
    assert [tool["name"] for tool in theirs] == list(catalog().names)[: len(theirs)]
    for tool in theirs:
        assert list(tool["parameters"]["properties"]) == list(catalog()[tool["name"]].parameters["properties"])


def test_schemas_are_strict_described_and_without_titles():
    for tool in catalog().tools:
        check_schema(tool.parameters)
        assert tool.parameters["additionalProperties"] is False
        assert tool.effects == "pure"
        assert tool.description.endswith(".")
        assert all("title" not in schema for _, schema in subschemas(tool.parameters))
        assert all("description" in schema for schema in tool.parameters["properties"].values())


def test_a_property_called_title_survives():
    assert catalog()["create_event"].parameters["properties"]["title"]["type"] == "string"
    assert catalog()["create_event"].parameters["required"] == ["title", "datetime_str"]


def test_bounds_reach_the_schema():
    assert catalog()["calculate_tax"].parameters["properties"]["income"]["minimum"] == 0
    assert catalog()["generate_password"].parameters["properties"]["length"]["default"] == 16


@pytest.mark.parametrize(("name", "arguments", "expected", "wrong"), CALLS, ids=[name for name, *_ in CALLS])
def test_right_call_answers_and_wrong_call_is_data(sandbox, name, arguments, expected, wrong):
    tool = catalog()[name]
    assert problems(arguments, compile_schema(tool.parameters)) == []
    result = sandbox.run(tool, arguments)
    assert result.kind == "ok", result.error
    if isinstance(expected, dict):
        assert isinstance(result.value, dict)
        assert expected.items() <= result.value.items()
    else:
        assert result.value == expected
        assert isinstance(result.value, bool) == isinstance(expected, bool)
    assert sandbox.run(tool, arguments) == result
    refused = sandbox.run(tool, wrong)
    assert refused.kind == "error"
    assert refused.error


def test_true_and_one_stay_apart(sandbox):
    value = sandbox.run(catalog()["deduplicate_list"], {"items": [True, 1, 1.0]}).value
    assert value == [True, 1]
    assert [type(item) for item in value] == [bool, int]


@pytest.mark.parametrize(
    ("collection", "query", "title"),
    [
        ("web_search", "history of the Eiffel Tower", "History of the Eiffel Tower"),
        ("notion_search", "project roadmap", "Project roadmap"),
        ("retrieve_data", "expense reimbursement", "Expense reimbursement policy"),
    ],
)
def test_search_puts_the_best_match_first(sandbox, collection, query, title):
    assert sandbox.run(catalog()[collection], {"query": query}).value["results"][0]["title"] == title


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("9**9**9", "power is too large"),
        ("10**4000000", "power is too large"),
        ("*".join(["(10**4000)"] * 50), "too large"),
        ("1e308 * 10", "finite"),
        ("(-8) ** 0.5", "real number"),
        ("'a' * 10**9", "only numbers"),
        ("(" * 400 + "1" + ")" * 400, "not an expression"),
        ("1+" * 5000 + "1", "longer than"),
        ("[x for x in (1, 2)]", "comprehensions"),
        ("__import__('os').getcwd()", "not defined"),
        ("(1).__class__", "cannot evaluate"),
        ("True", "not a number"),
    ],
)
def test_calculator_refuses_hostile_expressions(sandbox, expression, reason):
    result = sandbox.run(catalog()["calculator"], {"expression": expression})
    assert result.kind == "error"
    assert reason in result.error


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM sales",
        "SELECT * FROM sqlite_master",
        "ATTACH '/tmp/toolmark-escape.db' AS other",
        "PRAGMA database_list",
        "SELECT 1; SELECT 2",
        "SELECT load_extension('/tmp/x.so') FROM customers",
        "SELECT hex(zeroblob(1000000000)) FROM customers",
        "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r",
        "SELECT count(*) FROM " + ", ".join(f"customers c{index}" for index in range(10)),
        "UPDATE customers SET name = ''",
        "",
    ],
)
def test_database_runs_nothing_but_a_small_select_on_its_table(sandbox, query):
    result = sandbox.run(catalog()["query_database"], {"query": query, "dataset": "customers"})
    assert result.kind == "error"


@pytest.mark.parametrize("zone", ["../../etc/passwd", "/etc/passwd", "Europe", "", "Mars/Base", "a\0b", "x" * 5000])
def test_time_zone_names_reach_no_other_file(sandbox, zone):
    arguments = {"datetime_str": "2025-01-01T10:00", "from_timezone": zone, "to_timezone": "UTC"}
    assert "unknown time zone" in sandbox.run(catalog()["convert_time_zone"], arguments).error
