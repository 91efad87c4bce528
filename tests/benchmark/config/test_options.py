"""Options: four sources, which of them wins, what the header says of it, and what a wrong one is told."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser
from pathlib import Path

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.evaluation.options import OPTIONS, add_options, eval_command, read_options, request_of
from toolmark.benchmark.evaluation.request import Request

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    """None of `TOOLMARK_*` of whoever runs the tests."""
    for option in OPTIONS:
        monkeypatch.delenv(option.variable, raising=False)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def read(place, monkeypatch):
    """`read(env=…, dotenv=…, toml=…, limit="3")`: options from these sources; keywords are flags."""

    def from_sources(env=None, dotenv="", toml="", **flags):
        for name, value in (env or {}).items():
            monkeypatch.setenv(name, value)
        (place / ".env").write_text(dotenv)
        (place / "pyproject.toml").write_text(toml and f"[tool.toolmark]\n{toml}")
        return read_options(flags, place / "pyproject.toml")

    return from_sources


class Parser(ArgumentParser):
    addoption = ArgumentParser.add_argument


def test_the_command_of_a_request_makes_the_same_request(place):
    request = Request(
        models=("pocket",),
        adapters=("my adapter@call>0.3", "pocket-lora"),
        dialect="json",
        template_args={"enable_thinking": False},
        max_tokens=5,
        thinking_tokens=64,
        dtype="bfloat16",
        floors=(("timing.recall", 0.5), ("guard.stops", 0.0)),
        stop_at_call=True,
        runs=Path("my runs"),
    )
    parser = Parser()
    add_options(parser)
    given = vars(parser.parse_args(shlex.split(eval_command(request))[2:]))
    flags = {option.name: given[option.destination] for option in OPTIONS}
    flags = {name: value for name, value in flags.items() if value is not None}
    assert request_of(read_options(flags, place / "pyproject.toml")) == request
    assert eval_command(Request()) == "toolmark eval"


def test_defaults_are_those_of_a_request(read):
    values = read()
    assert values.changed == ()
    assert request_of(values) == Request()


def test_no_source_at_all(place):
    assert read_options({}, place / "pyproject.toml")["limit"] is None


@pytest.mark.parametrize(
    ("sources", "origin"),
    [
        ({"limit": "40"}, "--limit"),
        ({"env": {"TOOLMARK_LIMIT": "40"}}, "TOOLMARK_LIMIT"),
        ({"dotenv": "TOOLMARK_LIMIT=40"}, ".env"),
        ({"dotenv": "\ufeffexport TOOLMARK_LIMIT='40' # a sample"}, ".env"),
        ({"toml": "limit = 40"}, "[tool.toolmark]"),
        ({"toml": "limit = '40'"}, "[tool.toolmark]"),
    ],
)
def test_each_source(read, sources, origin):
    values = read(**sources)
    assert values["limit"] == 40
    assert values.changed == (f"limit=40 ({origin})",)


@pytest.mark.parametrize(
    ("flag", "file"),
    [
        ("trust-data-tools", {"dotenv": "TOOLMARK_TRUST_DATA_TOOLS=1"}),
        ("trust-data-tools", {"toml": "trust-data-tools = true"}),
        ("tools", {"dotenv": "TOOLMARK_TOOLS=helper.py"}),
        ("tools", {"toml": "tools = 'mcp:python helper.py'"}),
        ("adapter", {"dotenv": "TOOLMARK_ADAPTER=a,recipe.toml"}),
        ("model", {"toml": "model = ['pocket:recipe.TOML']"}),
        ("baseline", {"toml": "baseline = 'recipe.toml'"}),
    ],
)
def test_a_file_cannot_name_code(read, flag, file):
    with pytest.raises(InputError, match=rf"is not allowed.*give the flag: --{flag}"):
        read(**file)
    variable = "TOOLMARK_" + flag.upper().replace("-", "_")
    assert read(env={variable: "1"}).changed


def test_the_strongest_source_wins(read):
    weaker = {"env": {"TOOLMARK_SEED": "2"}, "dotenv": "TOOLMARK_SEED=3\nTOOLMARK_LIMIT=30", "toml": "seed = 4"}
    assert read(seed="1", **weaker).changed == ("limit=30 (.env)", "seed=1 (--seed)")
    values = read(**weaker)
    assert (values["seed"], values.changed[1]) == (2, "seed=2 (TOOLMARK_SEED)")
    values = read(**{**weaker, "env": {"TOOLMARK_SEED": ""}})
    assert (values["seed"], values.changed[1]) == (3, "seed=3 (.env)"), "an empty variable is not set"
    values = read(env={"TOOLMARK_SEED": ""}, toml="seed = 4\nlimit = 5")
    assert values.changed == ("limit=5 ([tool.toolmark])", "seed=4 ([tool.toolmark])")


@pytest.mark.parametrize("toml", ["template-args = '{\"a\": [1]}'", "template-args = { a = [1] }"])
def test_template_arguments_are_json_or_a_table(read, toml):
    assert read(toml=toml)["template-args"] == {"a": [1]}
    assert read(toml=toml).changed == ('template-args={"a": [1]} ([tool.toolmark])',)
    emptied = read(toml=toml, **{"template-args": "{}"})
    assert (emptied["template-args"], emptied.changed) == ({}, ("template-args={} (--template-args)",))


def test_a_flag_can_restore_the_default(read):
    values = read(fresh=False, seed="0", toml="fresh = true\nseed = 4")
    assert (values["fresh"], values["seed"], values.changed) == (False, 0, ())


@pytest.mark.parametrize(
    ("sources", "value", "origin"),
    [
        ({"model": ["a,b", "c"]}, ("a,b", "c"), "--model"),
        ({"env": {"TOOLMARK_MODEL": "a,b , c,"}}, ("a", "b", "c"), "TOOLMARK_MODEL"),
        ({"toml": "model = ['a,b', 'c']"}, ("a,b", "c"), "[tool.toolmark]"),
        ({"toml": "model = 'a,b,c'"}, ("a,b,c",), "[tool.toolmark]"),
        ({"model": ["a,b,c"], "toml": "model = ['d']"}, ("a,b,c",), "--model"),
    ],
)
def test_repeatable_settings(read, sources, value, origin):
    values = read(**sources)
    assert values["model"] == value
    assert values.changed == (f"model=a,b,c ({origin})",)


@pytest.mark.parametrize(
    "toml",
    [
        'floor = ["timing.recall=0.8", "guard.stops = 1"]',
        'floor = {"timing.recall" = 0.8, "guard.stops" = 1}',
        "floor.timing.recall = 0.8\nfloor.guard.stops = 1",
        "[tool.toolmark.floor]\ntiming.recall = 0.8\nguard.stops = 1",
    ],
)
def test_floors_in_toml(read, toml):
    assert request_of(read(toml=toml)).floors == (("timing.recall", 0.8), ("guard.stops", 1.0))


def test_floors_are_decided_one_by_one(read):
    values = read(
        floor=["timing.recall=0.9"],
        env={"TOOLMARK_FLOOR": "guard.stops=0.5,timing.recall=0.1"},
        toml='floor = {"timing.recall" = 0.8, "validity.call" = 0.3}',
    )
    assert dict(values["floor"]) == {"timing.recall": 0.9, "validity.call": 0.3, "guard.stops": 0.5}
    assert set(values.changed) == {
        "floor timing.recall=0.9 (--floor)",
        "floor validity.call=0.3 ([tool.toolmark])",
        "floor guard.stops=0.5 (TOOLMARK_FLOOR)",
    }


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), ("False", False), ("0", False), ("TRUE", True)]
)
def test_switches(read, text, value):
    assert read(env={"TOOLMARK_FRESH": text})["fresh"] is value


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ({"limit": "many"}, "--limit: many is not a whole number. Write for example: --limit 40"),
        ({"limit": "9" * 5000}, "is not a whole number"),
        ({"temperature": "nan"}, "--temperature: nan is not a finite number"),
        ({"temperature": "1e999"}, "is not a finite number"),
        ({"split": "tset"}, "--split: tset is not one of dev, test. Did you mean test?"),
        ({"floor": ["timing.recall"]}, "is not METRIC=NUMBER. Write for example: --floor timing.recall=0.8"),
        ({"floor": ["=1"]}, "is not METRIC=NUMBER"),
        ({"template-args": "[1]"}, "[1] is not a JSON object. Write for example: --template-args '{\"enable_"),
        ({"toml": "template-args = 3"}, '3 is not a JSON object. Write for example: template-args = "{\\"enable_'),
        ({"env": {"TOOLMARK_LIMIT": "4.5"}}, "TOOLMARK_LIMIT: 4.5 is not a whole number"),
        ({"env": {"TOOLMARK_FRESH": "maybe"}}, "TOOLMARK_FRESH: maybe is not true, false, 1 or 0"),
        ({"dotenv": "TOOLMARK_EXECUTE=reed"}, "TOOLMARK_EXECUTE in .env: reed is not one of pure, read, all."),
        ({"toml": "limit = 4.0"}, "limit = 40"),
        ({"toml": "limit = true"}, "limit in [tool.toolmark] of"),
        ({"toml": "temperature = false"}, "false is not a finite number"),
        ({"toml": "temperature = inf"}, "inf is not a finite number"),
        ({"toml": "fresh = 2"}, "2 is not true, false, 1 or 0. Write for example: fresh = true"),
        ({"toml": "cases = 3"}, '3 is not a string. Write for example: cases = "[READER:]PATH"'),
        ({"toml": "model = [3]"}, '3 is not a list of strings. Write for example: model = ["SPEC"]'),
        ({"toml": "split = ['dev']"}, "dev is not one of dev, test"),
        ({"toml": 'floor = {"timing.recall" = "high"}'}, 'Write for example: floor = ["timing.recall=0.8"]'),
        ({"toml": "limt = 3"}, "limt in [tool.toolmark] of"),
        ({"toml": "limt = 3"}, "Did you mean limit"),
        ({"toml": "skip_bad = true"}, "Did you mean skip-bad"),
        ({"env": {"TOOLMARK_LIMT": "3"}}, "TOOLMARK_LIMT is not an option. Did you mean TOOLMARK_LIMIT"),
        ({"dotenv": "TOOLMARK_LIMT=3"}, "TOOLMARK_LIMT in .env is not an option. Did you mean TOOLMARK_LIMIT"),
        ({"limit": "4", "toml": "limit = 'many'"}, "many is not a whole number"),
    ],
)
def test_wrong_input_names_place_value_and_fix(read, sources, said):
    with pytest.raises(InputError) as caught:
        read(**sources)
    assert said in str(caught.value)


def test_files_that_cannot_be_read(place):
    (place / ".env").write_bytes(b"TOOLMARK_LIMIT=\xff")
    with pytest.raises(InputError, match=r"\.env cannot be read"):
        read_options({}, place / "pyproject.toml")
    (place / ".env").unlink()
    (place / "pyproject.toml").write_text("[tool.toolmark\n")
    with pytest.raises(InputError, match=r"pyproject\.toml cannot be read"):
        read_options({}, place / "pyproject.toml")
    (place / "pyproject.toml").write_text("tool.toolmark = 3")
    with pytest.raises(InputError, match="not a table"):
        read_options({}, place / "pyproject.toml")


def test_keys_of_providers_are_not_looked_at(read):
    values = read(dotenv="OPENAI_API_KEY=sk-secret\nTOOLMARK_LIMIT=4")
    assert "sk-secret" not in repr(values)


def test_a_complaint_about_a_flag_names_its_source(read):
    values = read(dotenv="TOOLMARK_EPOCHS=0", seed="4")
    assert values.located(InputError("--epochs 0 is below 1", "Give one.")).what == (
        "--epochs 0 is below 1 (--epochs from .env)"
    )
    for what in ("--seed 4 is odd", "the path a--epochs is missing"):
        assert values.located(InputError(what, "Mend it.")).what == what


@pytest.fixture
def session(pytester, monkeypatch):
    """A pytest session in an empty project, in this process, with the project's `[tool.toolmark]`."""
    monkeypatch.chdir(pytester.path)

    def run(*arguments, toml=""):
        pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\naddopts = '--seed 7'\n[tool.toolmark]\n{toml}")
        return pytester.runpytest_inprocess("-p", "toolmark.benchmark.pytest_plugin", *arguments)

    return run


def test_the_header_names_every_origin(session, pytester, monkeypatch):
    monkeypatch.setenv("TOOLMARK_LIMIT", "40")
    (pytester.path / ".env").write_text("TOOLMARK_THREADS=1\n")
    run = session("--collect-only", "--no-fresh", toml='fresh = true\nskip-bad = true\nfloor = {"timing.recall" = 0.8}')
    run.stdout.fnmatch_lines(
        [
            "toolmark options: limit=40 (TOOLMARK_LIMIT), seed=7 (--seed), threads=1 (.env), "
            "floor timing.recall=0.8 ([[]tool.toolmark]), skip-bad=true ([[]tool.toolmark])"
        ]
    )


def test_a_session_on_defaults_lists_nothing(session):
    run = session("--collect-only", "--seed", "0")
    assert "toolmark" not in run.stdout.str().partition("rootdir")[0]


@pytest.mark.parametrize(
    ("toml", "flags", "said"),
    [
        ("limt = 3", (), "ERROR: limt in [[]tool.toolmark] of */pyproject.toml is not an option. Did you mean limit*"),
        ("epochs = 0", ("--model", "pocket"), "ERROR: --epochs 0 is below 1 (--epochs from [[]tool.toolmark]).*"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_4(session, toml, flags, said):
    run = session("--collect-only", *flags, toml=toml)
    assert run.ret == 4
    run.stderr.fnmatch_lines([said])
    assert len(run.stderr.str().strip().splitlines()) == 1


def test_a_candidate_of_the_project_is_no_burden_for_its_other_tests(session):
    assert session("--collect-only", toml="model = 'no-such-model'").ret != 4


def test_help_shows_variable_and_default_even_beside_a_mistake(session, monkeypatch):
    monkeypatch.setenv("TOOLMARK_LIMT", "3")
    monkeypatch.setenv("COLUMNS", "400")
    run = session("--help")
    assert run.ret == 0
    shown = run.stdout.str()
    for option in OPTIONS:
        assert f"[{option.variable}; default: {option.shown_default}]" in shown


def test_the_documentation_lists_every_setting():
    rows = ["| Flag | Variable | Value | Default | |", "|---|---|---|---|---|"]
    for option in OPTIONS:
        value = option.metavar or ", ".join(option.kind.choices) or "true, false"
        rows.append(f"| `{option.flag}` | `{option.variable}` | {value} | {option.shown_default} | {option.help} |")
    text = (ROOT / "docs" / "guide" / "options.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"<!-- options -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert table.splitlines() == rows
