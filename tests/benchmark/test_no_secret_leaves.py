"""A known secret is hidden at every way out of the process: the terminal, JUnit, ledgers, logs and reports."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from inspect_ai.log import read_eval_log

from tests.forked.commands import Commands
from tests.servers.scripted import calling, scripted_server
from toolmark.benchmark.core.printing import console
from toolmark.reports.writing import write

KEY = "sk-0123456789abcdef"
SAID = f"no \x1b[2Jentry\u202e for {KEY}"
TOOL = {"name": "add", "description": "Add.", "parameters": {"type": "object", "properties": {"a": {}}}}
CASE = {
    "toolbox": [TOOL],
    "expect": {"action": "call", "any_of": [{"calls": [{"name": "add"}]}]},
    "licence": "CC0-1.0",
}


def test_nothing_that_a_run_leaves_behind_has_the_key_that_the_server_repeats(
    suites, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {**CASE, "messages": [{"role": "user", "content": text}], "source": {"name": "test", "ref": text}}
        for text in ("go", "text", "bad")
    ]
    cases = tmp_path / "few.test.jsonl"
    cases.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def answer(request):
        words = request["messages"][-1]["content"]
        return {"content": SAID} if words == "text" else calling(("add", json.dumps({"a": SAID})))

    def refuse(request, before):  # noqa: ARG001
        return "400" if request["messages"][-1]["content"] == "bad" else None

    summary = tmp_path / "left" / "summary.md"
    summary.parent.mkdir()
    for script in (refuse, lambda *_: None):
        with scripted_server(answer, script) as server:
            server.said = SAID
            for name, value in {
                **server.environment,
                "SCRIPTED_API_KEY": KEY,
                "GITHUB_STEP_SUMMARY": str(summary),
            }.items():
                monkeypatch.setenv(name, value)
            ended = suites(
                *("--model", server.spec, "--cases", str(cases), "--dialect", "native", "--request-retries", "0"),
                *("--report", str(tmp_path / "left" / "r.html"), "--report", str(tmp_path / "left" / "r.csv")),
                *("--junitxml", str(tmp_path / "left" / "junit.xml")),
                runs=tmp_path / "left" / "runs",
            )
        assert ended.returncode == (69 if script is refuse else 0), ended.said
        assert KEY not in ended.said
        assert "\x1b[2J" not in ended.said
        assert "\u202e" not in ended.said
        assert ("no \\x1b[2Jentry\\u202e for [hidden]" in ended.said) == (script is refuse)
    left = [path for path in (tmp_path / "left").rglob("*") if path.is_file()]
    assert {".jsonl", ".eval", ".html", ".csv", ".xml", ".md"} <= {path.suffix for path in left}
    for path in left:
        assert KEY.encode() not in path.read_bytes(), path
        if path.suffix == ".eval":
            assert KEY not in read_eval_log(str(path)).model_dump_json()
    assert "[hidden]" in next(path for path in left if path.suffix == ".jsonl").read_text()


CHECK = """
import os
import pytest

def test_fails():
    print("sent", os.environ["SHOP_TOKEN"])
    assert os.environ["SHOP_TOKEN"] == "another"

def test_skips():
    pytest.skip(f"no answer for {os.environ['SHOP_TOKEN']}")

def test_records(record_property):
    record_property("url", f"http://x/?key={os.environ['SHOP_TOKEN']}")
    record_property("n", 3)
"""


def test_reports_of_tests_have_no_key(warm: Commands, tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(CHECK)
    options = ("-p", "toolmark.benchmark.pytest_plugin", "-p", "no:cacheprovider", "-rs", "--junitxml", "junit.xml")
    environment = {**os.environ, "SHOP_TOKEN": KEY}
    ended = warm.start("pytest", *options, "test_own.py", cwd=tmp_path, environment=environment).wait()
    assert ended.returncode == 1
    for text in (ended.said, (tmp_path / "junit.xml").read_text()):
        assert KEY not in text
        assert "no answer for [hidden]" in text
    assert "sent [hidden]" in ended.said
    assert 'value="http://x/?key=[hidden]"' in (tmp_path / "junit.xml").read_text()


def test_a_failure_of_pytest_itself_shows_no_key(warm: Commands, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import os\n\ndef pytest_collection_finish(session):\n    raise RuntimeError(os.environ['SHOP_TOKEN'])\n"
    )
    (tmp_path / "test_own.py").write_text("def test_nothing(): pass\n")
    options = ("-p", "toolmark.benchmark.pytest_plugin", "-p", "no:cacheprovider", "test_own.py")
    ended = warm.start("pytest", *options, cwd=tmp_path, environment={**os.environ, "SHOP_TOKEN": KEY}).wait()
    assert ended.returncode == 3
    assert "INTERNALERROR> RuntimeError: [hidden]" in ended.said
    assert KEY not in ended.said


def test_tables_and_files_of_reports_have_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.table import Table

    monkeypatch.setenv("SHOP_TOKEN", 'a&b<"' + KEY)
    monkeypatch.setenv("HTTPS_PROXY", "http://me:proxy-password@proxy.example:1")
    table = Table("name")
    table.add_row(f"\x1b[2J[red]\x07{os.environ['SHOP_TOKEN']}")
    console().print(table)
    printed = capsys.readouterr().out
    assert "\\x1b[2J[red]" in printed
    assert "[hidden]" in printed
    assert KEY not in printed
    write(tmp_path / "r.html", f"<p>a&amp;b&lt;&quot;{KEY} proxy-password 1")
    assert (tmp_path / "r.html").read_text() == "<p>[hidden] [hidden] 1"
    write(None, f'a&b<"{KEY}')
    assert capsys.readouterr().out == "[hidden]\n"


def test_digits_of_a_number_are_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOOR_PASSWORD", "12345678")
    write(tmp_path / "r.json", '{"seconds": 0.1234567890, "n": 9123456781, "code": "12345678"}')
    assert json.loads((tmp_path / "r.json").read_text()) == {
        "seconds": 0.123456789,
        "n": 9123456781,
        "code": "[hidden]",
    }
