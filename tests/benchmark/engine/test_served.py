"""Served models come through Inspect's providers."""

from __future__ import annotations

import pytest

from benchmark.cases import Message
from benchmark.completions import Completion, Usage
from benchmark.config import Decoding
from benchmark.dialects.tagged import Tagged
from benchmark.engine.inspect_chat import completion_of, messages_of, output_of
from benchmark.engine.served import ServedEngine
from benchmark.errors import EnvironmentFault

PROMPT = Tagged().render([Message(role="system", content="Be brief."), Message(role="user", content="Hi")], [])


def test_a_server_answers_every_prompt_in_order(served):
    engine = ServedEngine(served, Decoding())
    engine.prepare([PROMPT] * 23)
    found = list(engine.answer(range(23)))
    assert [index for index, _ in found] == list(range(23))
    assert {completion for _, completion in found} == {Completion("I read 2 turns.", usage=Usage(7, 5))}


def test_a_missing_key_is_the_environments_fault(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EnvironmentFault, match=r"openai/gpt-4\.1 cannot be opened: .*No OPENAI_API_KEY"):
        ServedEngine("openai/gpt-4.1", Decoding())


def test_turns_and_completions_survive_the_way_through_inspect():
    assert [(turn.role, turn.text) for turn in messages_of(PROMPT)] == [("system", "Be brief."), ("user", "Hi")]
    for reason in ("stop", "length", "unknown"):
        completion = Completion("text", stop_reason=reason)
        assert completion_of(output_of(completion, "m")) == completion
