"""A served model's log-probabilities give the probability of a call that a local model's logits would give."""

from __future__ import annotations

import math
from typing import Any

import pytest
from inspect_ai.model import Logprob

from tests.servers.scripted import scripted_server
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.cases import Message, Tool
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.call_beginning import CallBeginning
from toolmark.benchmark.engine.served_client import ServedEngine
from toolmark.benchmark.engine.served_logprobs import served_call_probability


def token(written: str, **chances: float) -> dict[str, Any]:
    """A token as a server returns it; the names of two alternatives are spelt out."""
    spelt = {"less": "<", "mark": "<tool_call>"}
    listed = {spelt.get(name, name): math.log(chance) for name, chance in chances.items()}
    top = [{"token": name, "logprob": chance, "bytes": None} for name, chance in listed.items()]
    return {"token": written, "logprob": listed[written], "bytes": None, "top_logprobs": top}


CALL = [token("<", less=0.5, mark=0.2, I=0.3), token("tool", tool=0.6, final=0.4), token("_", _=1.0)]
ANSWER = [token("I", less=0.25, I=0.75), token("<", less=1.0)]


@pytest.mark.parametrize(("sent", "expected"), [(CALL, 0.5 * 0.6), (ANSWER, 0.25), ([], None)])
def test_the_probability_follows_from_the_tokens(sent, expected):
    beginning = CallBeginning.of_dialect(Tagged())
    found = served_call_probability(beginning, [Logprob(**one) for one in sent])
    assert found == (None if expected is None else pytest.approx(expected))


def test_thoughts_come_before_the_decision():
    beginning = CallBeginning.of_dialect(Tagged())
    thought = [("<think>", -0.1), ("<tool_call>", 0.0), ("</", 0.0), ("think>", 0.0), ("\n", -0.5)]
    sent = [Logprob(token=text, logprob=chance) for text, chance in [*thought, ("<tool_call>", math.log(0.4))]]
    assert served_call_probability(beginning, sent) == pytest.approx(0.4)
    opened_by_the_prompt = [Logprob(token="Perhaps", logprob=0.0), *sent[2:]]
    assert served_call_probability(beginning, opened_by_the_prompt) == pytest.approx(0.4)
    cut = [token("<", less=1.0), token("think>", **{"think>": 0.6, "tool": 0.4}), token("So", So=1.0)]
    found = served_call_probability(beginning, [Logprob(**one) for one in cut])
    assert found == 0.0, "an answer that ends inside its thought makes no call"


def test_a_dialect_that_leaves_calls_to_the_template_has_no_beginning():
    found = {name: CallBeginning.of_dialect(load("toolmark.dialects", name)()) for name in names("toolmark.dialects")}
    assert [name for name, beginning in found.items() if beginning is None] == ["native"]


@pytest.mark.parametrize("asked", [True, False])
def test_a_server_is_asked_only_on_request(monkeypatch, asked):
    with scripted_server(lambda _: {"content": "<tool", "logprobs": {"content": CALL}}) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        engine = ServedEngine(server.spec, Decoding(), RequestLimits(logprobs=asked))
        prompt = Tagged().render([Message(role="user", content="Go.")], [Tool(name="f")])
        engine.prepare([prompt], Tagged())
        ((_, completion),) = engine.answer([0])
        engine.close()
        (request,) = server.requests
    assert request.get("logprobs") == (True if asked else None)
    assert completion.call_probability == (pytest.approx(0.3) if asked else None)
