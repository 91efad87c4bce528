"""The teacher against a real server that misbehaves: nothing is lost, doubled, paid for twice, or sent unasked."""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest
from datasets import load_from_disk

from tests.forked.commands import Ended, Toolmark
from tests.generators.teacher.replies import reply
from tests.servers.scripted import FAULTS, ScriptedServer, scripted_server, seeded
from toolmark.benchmark.readers.toolmark import ToolmarkReader
from toolmark.generators.teacher.options import TeacherOptions

TOOLS = '''
from toolmark.benchmark.tools.effects import effects

@effects("pure")
def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: One number.
        b: Another one.
    """
    return a + b
'''

KILLS = 20
PATIENT = ("--timeout", "5", "--retries", "30", "--input-price", "2", "--output-price", "8")
"""Time-outs on a busy machine are tried again, as every failure is."""

CALM = tuple(fault for fault in FAULTS if fault != "hang")


@pytest.fixture
def teacher() -> Iterator[ScriptedServer]:
    """A server that answers every request, as the roles would."""
    with scripted_server(reply) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Teaching:
    """`toolmark generate teacher` over `tools`, which no test query is held against."""

    toolmark: Toolmark
    tools: Path

    def arguments(self, out: Path, *flags: str) -> list[str]:
        """Of the command; the model of all roles is the server's, if the flags name no other."""
        manifest = ("--manifest", str(self.tools.parent / "MANIFEST.toml"))
        model = () if "--writer" in flags else ("--model", "openai-api/scripted/tiny")
        return ["generate", "teacher", "--tools", str(self.tools), *manifest, *model, "--out", str(out), *flags]

    def __call__(self, out: Path, environment: Mapping[str, str], *flags: str, code: int = 0) -> Ended:
        """Run it; `code` is how it must end."""
        done = self.toolmark(*self.arguments(out, *flags), environment=environment)
        assert done.code == code, done.said
        return done


@pytest.fixture
def teaching(toolmark: Toolmark, tmp_path: Path) -> Teaching:
    tools = tmp_path / "sums.py"
    tools.write_text(TOOLS)
    (tmp_path / "MANIFEST.toml").write_text("")
    return Teaching(toolmark, tools)


def content(out: Path) -> dict[str, list[str]]:
    """Everything in a dataset, sorted."""
    splits = load_from_disk(out / "traces")
    found = {name: sorted(json.dumps(row, sort_keys=True, default=str) for row in splits[name]) for name in splits}
    for path in sorted(out.iterdir()):
        if path.is_file():
            found[path.name] = sorted(path.read_text().splitlines())
    return found


@pytest.mark.parametrize("items", [150, pytest.param(1000, marks=pytest.mark.slow)])
def test_all_items_finish_through_every_failure(teaching: Teaching, tmp_path: Path, items: int) -> None:
    out = tmp_path / "data"
    counts = ("--queries", str(items // 10), "--no-tool", str(items * 8 // 10))
    flags = (*counts, "--batch", "20", "--max-connections", "32", "--timeout", "2", *PATIENT[2:])
    with scripted_server(reply, seeded(5, 0.15), hang=3) as server:
        done = teaching(out, server.environment, *flags)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["proposed"] == items
    assert sum(manifest["accepted"].values()) + sum(manifest["rejections"].values()) == items
    assert sum(manifest["accepted"].values()) > items * 0.8, manifest
    assert manifest["rejections"]["format"] > 0, "some replies are wrong twice"
    assert "requests" in done.err
    assert manifest["teacher"] == dict.fromkeys(("writer", "caller", "answerer"), "openai-api/scripted/tiny")
    assert set(manifest["prompts"]) >= {"writer", "caller", "answerer"}
    rows = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    assert len(rows) == sum(manifest["rejections"].values())
    assert all(row["reason"] for row in rows)
    replies = [json.loads(line) for line in (tmp_path / "data.replies" / "ledger.jsonl").read_text().splitlines()[1:]]
    assert len({row["key"] for row in replies}) == len(replies), "a reply is kept once"
    assert set(server.outcomes) == {"answered", *FAULTS}, "every fault was there"
    assert server.outcomes["answered"] >= len(replies)
    assert "requests failed and were sent again if possible: " in done.err


def test_kills_at_named_points_change_nothing(teaching: Teaching, teacher: ScriptedServer, tmp_path: Path) -> None:
    flags = ("--queries", "10", "--no-tool", "10", "--max-connections", "8")
    teaching(tmp_path / "whole" / "data", teacher.environment, *flags)
    size = (tmp_path / "whole" / "data.replies" / "ledger.jsonl").stat().st_size
    out = tmp_path / "killed" / "data"
    points: dict[str, dict[str, Any]] = {
        "the lock of the replies is taken": {"kill_at": "*/killed/data.replies/ledger.jsonl"},
        "a reply is half written": {"room": size // 2, "torn": True},
        "another one is": {"room": size * 3 // 4, "torn": True},
        "the dataset is half written": {"kill_at": "*/manifest.json*"},
    }
    environment = {**os.environ, "COLUMNS": "200", **teacher.environment}
    for point, interruption in points.items():
        arguments = teaching.arguments(out, *flags)
        killed = teaching.toolmark.start("toolmark", *arguments, environment=environment, **interruption).wait()
        assert killed.returncode in (-signal.SIGKILL, -signal.SIGXFSZ), (point, killed.said)
    teaching(out, teacher.environment, *flags)
    replies = (tmp_path / "killed" / "data.replies" / "ledger.jsonl").read_text().splitlines()
    keys = [row["key"] for row in map(json.loads, replies) if "key" in row]
    assert len(set(keys)) == len(keys), "nothing is recorded twice"
    assert content(out) == content(tmp_path / "whole" / "data")


@pytest.mark.slow
def test_twenty_kills_change_nothing(teaching: Teaching, tmp_path: Path) -> None:
    flags = ("--queries", "60", "--no-tool", "40", "--max-connections", "8", *PATIENT)
    out = tmp_path / "killed" / "data"
    ledger = tmp_path / "killed" / "data.replies" / "ledger.jsonl"
    with scripted_server(reply, seeded(3, 0.02, CALM)) as server:
        teaching(tmp_path / "whole" / "data", server.environment, *flags)
        lines = (tmp_path / "whole" / "data.replies" / "ledger.jsonl").read_text().count("\n")
        # Spread over all that is asked; each life adds one reply at least.
        for moment in sorted(Random(3).sample(range(1, lines - KILLS), KILLS)):
            there = ledger.read_text().count("\n") if ledger.exists() else 0
            until = ledger, max(moment, there + 1)
            killed = teaching.toolmark(*teaching.arguments(out, *flags), environment=server.environment, until=until)
            assert killed.code is None, killed.said
        teaching(out, server.environment, *flags)
    keys = [row["key"] for row in map(json.loads, ledger.read_text().splitlines()) if "key" in row]
    assert len(set(keys)) == len(keys), "nothing is recorded twice"
    assert content(out) == content(tmp_path / "whole" / "data")


def test_roles_may_be_different_models_and_the_cases_prove_themselves(
    teacher: ScriptedServer, teaching: Teaching, tmp_path: Path
) -> None:
    models = [f"openai-api/scripted/{name}" for name in ("w", "c", "a")]
    flags = ("--writer", models[0], "--caller", models[1], "--answerer", models[2])
    teaching(tmp_path / "data", teacher.environment, "--queries", "10", "--no-tool", "10", *flags)
    assert {request["model"] for request in teacher.requests} == {"w", "c", "a"}
    cases = list(ToolmarkReader().read(tmp_path / "data" / "cases.dev.jsonl"))
    assert {case.source.name for case in cases} <= {"generated/teacher"}  # type: ignore[union-attr]


def test_limits_stop_cleanly_and_what_was_answered_is_kept(
    teacher: ScriptedServer, teaching: Teaching, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    flags = ("--queries", "20", "--no-tool", "0", "--max-connections", "4")
    early = teaching(out, teacher.environment, *flags, "--max-requests", "1", code=5)
    assert "teacher proposed no conversations" in early.err
    stopped = teaching(out, teacher.environment, *flags, "--max-requests", "40")
    assert "--max-requests 40 is reached" in stopped.err
    assert len(teacher.requests) <= 41
    assert json.loads((out / "manifest.json").read_text())["proposed"] >= 5, "the first batches go first"
    for path in sorted(out.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    out.rmdir()
    again = teaching(out, teacher.environment, *flags)
    assert "are used again" in again.err
    replies = (tmp_path / "data.replies" / "ledger.jsonl").read_text().splitlines()
    assert (
        len({json.loads(line).get("key") for line in replies})
        == len(replies) - len([line for line in replies if line.startswith('{"run"')]) + 1
    )
    cost = ("--max-cost", "0.001", "--input-price", "10", "--output-price", "10")
    spent = teaching(tmp_path / "dear", teacher.environment, *flags, *cost, code=5)
    assert "could exceed --max-cost 0.001" in spent.err
    unknown = teaching(tmp_path / "free", teacher.environment, *flags, "--max-cost", "1", code=4)
    assert "the price of openai-api/scripted/tiny is not known" in unknown.err


def test_a_dry_run_asks_nothing(teacher: ScriptedServer, teaching: Teaching, tmp_path: Path) -> None:
    prices = ("--input-price", "2", "--output-price", "8")
    dry = teaching(tmp_path / "data", teacher.environment, "--queries", "10", "--dry-run", *prices)
    assert "caller (openai-api/scripted/tiny): 40 requests" in dry.err
    assert "dollars" in dry.err
    assert teacher.requests == []
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "data.replies").exists()


def test_a_refused_key_is_said_at_once(teaching: Teaching, tmp_path: Path) -> None:
    with scripted_server(reply, lambda request, before: "401") as server:  # noqa: ARG005
        secret = {**server.environment, "SCRIPTED_API_KEY": "sk-secret"}
        failed = teaching(tmp_path / "data", secret, code=69)
    assert "openai-api/scripted/tiny refuses" in failed.err
    assert "Traceback" not in failed.err
    assert "sk-secret" not in failed.said


class _Mail(BaseHTTPRequestHandler):
    sent: ClassVar[Counter[str]] = Counter()

    def do_POST(self) -> None:
        self.sent[self.path] += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "8")
        self.end_headers()
        self.wfile.write(b'{"n": 1}')

    def log_message(self, *_: object) -> None:
        return


def test_a_tool_that_writes_is_called_only_when_all_may_run(
    teacher: ScriptedServer, teaching: Teaching, tmp_path: Path
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Mail) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        body: dict[str, Any] = {"type": "object", "required": ["to"], "properties": {"to": {"type": "string"}}}
        post = {
            "operationId": "send_email",
            "summary": "Send an email.",
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        }
        spec = tmp_path / "mail.json"
        servers = [{"url": f"http://127.0.0.1:{server.server_port}"}]
        spec.write_text(json.dumps({"openapi": "3.1.0", "servers": servers, "paths": {"/mails": {"post": post}}}))
        mailing = replace(teaching, tools=spec)
        flags = ("--queries", "4", "--no-tool", "0")
        for execute in ("pure", "read"):
            held = mailing(tmp_path / execute, teacher.environment, *flags, "--execute", execute)
            assert "not executed without --execute all: send_email (write)" in held.err.splitlines()[0]
            assert not _Mail.sent
        ran = mailing(tmp_path / "all", teacher.environment, *flags, "--execute", "all")
        assert "executed: send_email (write)" in ran.err.splitlines()[0]
        server.shutdown()
    assert _Mail.sent == {"/mails": 1}, "each distinct call once"


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({}, "no model for the writer and the caller and the answerer"),
        ({"writer": "a/b", "caller": "a/b"}, "no model for the answerer"),
        ({"model": "a/b", "input_price": 1}, "only one of --input-price and --output-price"),
        ({"model": "a/b", "min_distractors": 9, "max_distractors": 3}, "min_distractors 9 is above"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        TeacherOptions.model_validate(options)
