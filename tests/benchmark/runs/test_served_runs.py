"""Runs of served models: through every fault, interrupted and gone on with, nothing is lost, doubled or passed over."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers.scripted import ScriptedServer, scripted_server, seeded
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import limited, load_cases

CASES = 40
CONNECTIONS = 4
QUICK = ("-k", "not gold")
PATIENCE = ("--connections", str(CONNECTIONS), "--request-timeout", "2", "--request-retries", "12")


def said(messages) -> str:
    return f"I was told {hashlib.sha256(json.dumps(messages).encode()).hexdigest()[:16]}."


@pytest.fixture
def serve(monkeypatch):
    """`serve(script)`: a scripted server whose answer tells which prompt it is of."""
    opened = []

    def start(script):
        context = scripted_server(lambda request: {"content": said(request["messages"])}, script, hang=4)
        server = context.__enter__()
        opened.append(context)
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        return server

    yield start
    for context in opened:
        context.__exit__(None, None, None)


def recorded(runs: Path) -> list[dict]:
    """The completions in the one ledger under `runs`; none where there is none yet."""
    rows = []
    for ledger in runs.glob("*/ledger.jsonl"):
        whole = ledger.read_text().rpartition("\n")[0]
        rows += [row for row in map(json.loads, whole.splitlines()) if "key" in row]
    return rows


def interrupted(suites, server: ScriptedServer, runs: Path, by: signal.Signals, after: int) -> int:
    """Start a run, send it a signal once it has kept `after` answers, and return its exit code.

    The server then answers nothing more, so that no run ends before its signal comes.
    """
    script = server.script
    server.script = lambda request, before: "hang" if len(recorded(runs)) >= after else script(request, before)
    process = suites.start("--model", server.spec, *PATIENCE, "--limit", str(CASES), runs=runs)
    end = time.monotonic() + 120
    while len(recorded(runs)) < after and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(by)
    code = process.wait(timeout=60).returncode
    server.script = script
    return code


def test_a_run_goes_on_through_faults_and_interruptions(serve, suites, few_cases, tmp_path):
    server = serve(seeded(2, 0.35))
    runs = tmp_path / "runs"
    assert interrupted(suites, server, runs, signal.SIGTERM, 8) == 2
    assert interrupted(suites, server, runs, signal.SIGKILL, 20) == -signal.SIGKILL
    before = len(recorded(runs))
    assert 20 <= before < CASES

    ended = suites("--model", server.spec, *PATIENCE, "--limit", str(CASES), *QUICK)
    assert ended.returncode == 0, ended.stdout
    assert f"{CASES - before} generated, {before} reused" in ended.stdout
    assert re.search(r"\d+ requests failed and were sent again if possible: .*500 \(\d+\)", ended.stdout)
    rows = recorded(runs)
    cases = limited(load_cases(str(few_cases))[0], CASES)
    assert sorted(row["case_id"] for row in rows) == sorted(case.id for case in cases)
    asked = {said(request["messages"]) for request in server.requests}
    assert {row["text"] for row in rows} == asked, "each answer is that of its own prompt"
    assert server.outcomes["answered"] <= CASES + 2 * CONNECTIONS, "what was recorded is not asked again"


def fails_for(words: str, fault: str):
    return lambda request, _: fault if words in request["messages"][-1]["content"] else None


def test_a_case_without_an_answer_is_named_and_the_others_are_kept(serve, suites, few_cases, tmp_path):
    (case, *_) = limited(load_cases(str(few_cases))[0], CASES)
    last = case.messages[-1].content
    server = serve(fails_for(last, "500"))
    flags = ("--model", server.spec, "--limit", str(CASES), "--request-retries", "1", *QUICK)
    ended = suites(*flags)
    assert ended.returncode == 69, ended.stdout
    assert f"did not answer case {case.id} ({case.source.ref}): Error code: 500" in ended.stderr
    assert "2 requests failed" in ended.stderr
    assert f"Run the same command again. {CASES - 1} completions are kept" in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    assert len(recorded(tmp_path / "runs")) == CASES - 1

    server.script = lambda _, __: None
    ended = suites(*flags)
    assert ended.returncode == 0, ended.stdout
    assert f"1 generated, {CASES - 1} reused" in ended.stdout
    assert len(server.requests) == CASES + 2


def test_what_only_the_server_finds_too_long_is_left_out_where_asked(serve, suites, few_cases):
    (case, *_) = limited(load_cases(str(few_cases))[0], CASES)
    server = serve(fails_for(case.messages[-1].content, "too long"))
    ended = suites("--model", server.spec, "--limit", str(CASES), *QUICK)
    assert ended.returncode == 4, ended.stdout
    assert re.search(rf"{case.id} .*too many tokens.*--skip-too-long", ended.stderr)
    ended = suites("--model", server.spec, "--limit", str(CASES), *QUICK, "--skip-too-long")
    assert ended.returncode == 0, ended.stdout
    assert "1 cases were left out, because they are too long for the model" in ended.stdout


def test_models_whose_names_make_the_same_folder_name_have_their_own_answers(monkeypatch, few_cases, tmp_path):
    """Of Ollama's `gemma3:1b` and a fine-tune `gemma3-1b`, the first calls and the second does not."""

    def answer(request):
        call = '<tool_call>{"tool_name": "add", "args": {}}</tool_call>'
        return {"content": call if request["model"] == "gemma3:1b" else "Hello."}

    with scripted_server(answer, service="mine") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        named = [f"openai-api/mine/{name}" for name in ("gemma3:1b", "gemma3-1b", "gemma3/1b")]
        request = Request(tuple(named), cases=str(few_cases), limit=12, runs=tmp_path, dialect="tagged")
        evaluation = Evaluation(request)
        tag, tuned, other = evaluation.run(logs=False).contestants
    assert [tag.figures["timing.recall"].score, tuned.figures["timing.recall"].score] == [1, 0]
    assert [one.run.made for one in evaluation.contestants] == [12, 12, 12]
    assert len({tag.run, tuned.run, other.run}) == 3


@pytest.mark.parametrize("dialect", ["tagged", "native"])
def test_reused_answers_without_log_probabilities_are_told(monkeypatch, few_cases, tmp_path, dialect):
    """With the dialect `native`, no server can show the probability of a call."""
    with scripted_server(lambda _: {"content": "Hello."}) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        request = Request((server.spec,), cases=str(few_cases), limit=5, runs=tmp_path, dialect=dialect)
        notes = []
        for logprobs in (False, True):
            evaluation = Evaluation(replace(request, logprobs=logprobs))
            evaluation.run(logs=False)
            notes.append(evaluation.contestants[0].run.notes)
    assert notes[0] == ()
    told = [note for note in notes[1] if note.startswith("5 of 5 reused answers have no probability of a call")]
    assert len(told) == (dialect == "tagged")
    assert all(note.endswith("add --fresh") for note in told)
