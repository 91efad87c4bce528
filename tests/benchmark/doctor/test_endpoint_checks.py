"""The checks of an OpenAI-compatible server, against servers on loopback that work, lose parts, or send anything."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.servers.chat import Reply, chat_server, completion, events
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.doctor.chat_replies import Endpoint
from toolmark.benchmark.doctor.endpoint_checks import EndpointChecks
from toolmark.benchmark.doctor.findings import Finding, run_checks

KEY = "sk-secret-123456"
CALL = ("parcel_price", '{"weight": 2.50, "city": "Orléans"}')
TWO = [("parcel_price", '{"weight": 1}'), ("parcel_price", '{"weight": 2}')]
AS_TEXT = f'<tool_call>{{"name": "parcel_price", "arguments": {CALL[1]}}}</tool_call>'
Answer = Callable[[Mapping[str, Any]], Reply]


def good(request: Mapping[str, Any]) -> Reply:
    """A server that does everything right."""
    if request["max_tokens"] == 1:
        return completion("I", written=1, reason="length")
    prompt = 20 + 60 * bool(request.get("tools"))
    if not request.get("tools"):
        return completion("I cannot.", prompt=prompt)
    calls = TWO if "twice" in request["messages"][0]["content"] else [CALL]
    raw = AS_TEXT if request.get("logprobs") else None
    whole = completion(None, calls, prompt=prompt, logprobs=raw)
    return events(whole) if request.get("stream") else whole


def checked(answer: Answer, dialect: str = "native", seconds: float = 5) -> dict[str, Finding]:
    with chat_server(lambda request, _: answer(request)) as url:
        endpoint = Endpoint(url, {"Authorization": f"Bearer {KEY}"}, "m", seconds)
        probe = EndpointChecks(endpoint, "M_BASE_URL and M_API_KEY", load("toolmark.dialects", dialect)())
        findings = dict(run_checks(probe.checks()))
    for finding in findings.values():
        assert KEY not in str(finding)
        assert bool(finding.advice) == (finding.state != "ok")
        assert len(str(finding)) < 800
    return findings


def states(findings: Mapping[str, Finding]) -> dict[str, str]:
    return {name: finding.state for name, finding in findings.items() if finding.state != "ok"}


def test_a_server_that_does_everything_right():
    findings = checked(good)
    assert states(findings) == {}
    assert list(findings) == ["chat", "tools", "calls", "arguments", "parallel", "streaming", "lost"]
    assert "20 tokens without the tool, and 80 with it" in findings["tools"].found
    assert "exactly as the model wrote it" in findings["arguments"].found
    assert findings["parallel"].found.startswith("2 calls")


def with_tools(reply: Reply) -> Answer:
    """A good server with this reply to each question with tools."""
    return lambda request: reply if request.get("tools") and not request.get("stream") else good(request)


@pytest.mark.parametrize(
    ("answer", "line", "state", "found"),
    [
        (with_tools(completion("Words.", prompt=20)), "tools", "problem", "20 tokens without the tool, and 20 with it"),
        (with_tools(completion("Words.", prompt=80)), "calls", "warning", "answered in words: 'Words.'"),
        (with_tools(completion("Words.", prompt=None)), "tools", "warning", "does not count tokens"),
        (with_tools((400, "application/json", b'{"error": {"message": "no tools"}}')), "tools", "problem", "no tools"),
        (with_tools(completion(AS_TEXT, prompt=80)), "calls", "problem", "in the form of hermes"),
        (with_tools(completion("", prompt=80, written=30)), "calls", "problem", "came back for 30 written tokens"),
        (with_tools(completion(None, [("parcel_price", {"weight": 2.5})])), "arguments", "problem", "an object"),
        (
            with_tools(completion(None, [("parcel_price", '{"weight": 2.5}')], logprobs=AS_TEXT)),
            "arguments",
            "problem",
            "altered: the model wrote",
        ),
        (with_tools(completion(None, [("parcel_price", '{"weight": 2.5}')])), "arguments", "warning", "not known"),
        (with_tools(completion(None, [CALL])), "arguments", "ok", "2.50 is unchanged"),
        (with_tools(completion(None, [("parcel_price", "{weight")])), "arguments", "warning", "not a JSON object"),
        (with_tools(completion(AS_TEXT, [CALL])), "parallel", "problem", "only one of two calls"),
    ],
)
def test_what_a_server_does_with_tools_and_calls(answer, line, state, found):
    findings = checked(answer)
    assert findings[line].state == state
    assert found in findings[line].found
    in_words = checked(answer, "tagged")
    assert in_words[line].state in ("ok", "warning"), "a dialect in words needs none of the server's tools"


def test_a_call_that_comes_only_if_it_is_required():
    def answer(request):
        if request.get("tools") and "tool_choice" not in request and not request.get("stream"):
            return completion("Words.", prompt=80)
        return good(request)

    findings = checked(answer)
    assert "if a call is required" in findings["calls"].found
    assert findings["arguments"].state == "ok"


def streaming(reply: Reply) -> Answer:
    return lambda request: reply if request.get("stream") else good(request)


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (events(completion("Words.")), "differs: 'Words.' instead of"),
        (completion(None, [CALL]), "ignores `stream`"),
        ((200, "text/event-stream", itertools.repeat(b'data: {"choices": []}\n\n' * 1000)), "longer than 4 MB"),
        ((200, "text/event-stream", b"data: nonsense\n\ndata: [1]\n\ndata: [DONE]\n\n"), "no event that is JSON"),
        ((500, "text/plain", b"boom"), "status 500: boom"),
    ],
)
def test_what_a_server_does_with_a_stream(reply, found):
    findings = checked(streaming(reply))
    assert states(findings) == {"streaming": "warning"}
    assert found in findings["streaming"].found


def test_odd_parts_of_a_stream_are_left_out():
    delta = {"content": 7, "tool_calls": [3, {"index": 10**9, "function": {"name": None, "arguments": ["x"]}}, None]}
    chunk = json.dumps({"choices": [{"delta": delta}, 4], "usage": "none"}).encode()
    findings = checked(streaming((200, "text/event-stream", b"data: " + chunk + b"\n\ndata: {\n\n")))
    assert findings["streaming"].found.startswith("differs")


@pytest.mark.parametrize(
    ("cut", "found"),
    [
        (completion("I", written=1, reason="stop"), "that an answer was cut (finish_reason stop at max_tokens)"),
        (completion("I go on", written=50), "the limit of tokens (max_tokens 1 gave 50)"),
        (completion("I", prompt=None, reason="stop"), "that an answer was cut"),
    ],
)
def test_what_a_server_loses(cut, found):
    findings = checked(lambda request: cut if request["max_tokens"] == 1 else good(request))
    assert states(findings) == {"lost": "warning"}
    assert found in findings["lost"].found


def test_answers_that_differ_for_equal_questions_are_told():
    numbers = itertools.count()

    def answer(request):
        if request.get("tools") and "twice" not in request["messages"][0]["content"]:
            text = completion(f"Answer {next(numbers)}.", prompt=80)
            return events(text) if request.get("stream") else text
        return good(request)

    findings = checked(answer)
    assert "equal requests get different answers" in findings["streaming"].found
    assert "repeatability" in findings["lost"].found


def deep(levels: int) -> bytes:
    return b'{"choices": ' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize(
    ("reply", "found", "advice"),
    [
        ((200, "text/html", b"<html>Welcome</html>"), "text/html: <html>Welcome", "M_BASE_URL"),
        ((200, "application/json", b'{"choices": [{"mess'), "not a JSON object", "M_BASE_URL"),
        ((200, "application/json", b""), "not a JSON object", "M_BASE_URL"),
        ((200, "application/json", b'"text"'), "not a JSON object", "M_BASE_URL"),
        ((200, "application/json", b'{"choices": []}'), "no choice with a message", "M_BASE_URL"),
        ((200, "application/json", b'{"choices": [{"message": "text"}]}'), "no choice with a message", "M_BASE_URL"),
        ((200, "application/json", b'{"choices": {"0": 1}, "usage": []}'), "no choice with a message", "M_BASE_URL"),
        ((200, "application/json", deep(100_000)), "not a JSON object", "M_BASE_URL"),
        ((200, "application/json", b'{"n": ' + b"9" * 10_000 + b"}"), "not a JSON object", "M_BASE_URL"),
        ((200, "application/json", itertools.repeat(b" " * 100_000)), "longer than 4 MB", "log"),
        ((401, "application/json", json.dumps({"error": f"bad key {KEY}"}).encode()), "bad key (key)", "M_API_KEY"),
        ((404, "text/html", b"<h1>Not found</h1>"), "status 404", "/v1"),
        ((429, "application/json", b'{"error": {"message": "slow down"}}'), "slow down", "quota"),
        ((307, "text/plain", b"elsewhere"), "status 307", "M_BASE_URL"),
        ((500, "text/plain", b"\x1b[31m" + b"x" * 10_000), "status 500", "log"),
    ],
)
def test_a_server_that_sends_anything_is_one_problem(reply, found, advice):
    findings = checked(lambda _: reply)
    assert list(findings) == ["chat"]
    assert findings["chat"].state == "problem"
    assert found in findings["chat"].found
    assert advice in findings["chat"].advice


@pytest.mark.parametrize(
    "usage", [None, [], {"prompt_tokens": "many"}, {"prompt_tokens": -1, "completion_tokens": 1e9}]
)
def test_parts_of_a_reply_with_wrong_types_count_as_missing(usage):
    def answer(request):
        status, kind, body = good(request)
        fields = json.loads(body) if kind == "application/json" else {}
        fields |= {"usage": usage}
        fields["choices"][0]["finish_reason"] = 3
        fields["choices"][0]["logprobs"] = {"content": [{"token": 3}]}
        return status, kind, json.dumps(fields).encode()

    findings = checked(lambda request: good(request) if request.get("stream") else answer(request))
    assert "no usage" in findings["lost"].found
    assert "no finish_reason" in findings["lost"].found


def test_a_server_that_hangs_is_left_after_the_limit():
    def slowly():
        import time

        while True:
            time.sleep(0.05)
            yield b" "

    findings = checked(lambda _: (200, "application/json", slowly()), seconds=0.5)
    assert re.search(r"did not end in 0\.\d+ s", findings["chat"].found)
