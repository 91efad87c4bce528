"""The replies of vLLM and Ollama are read, in the forms that their sources define."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.servers.scripted_runtime import scripted_runtime
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Prompt, RawCall
from toolmark.benchmark.engine.chat_address import ChatAddress
from toolmark.benchmark.engine.json_server import BadReply
from toolmark.benchmark.engine.runtimes.connect import runtime_at
from toolmark.benchmark.engine.runtimes.runtime import Question, Runtime, RuntimePrompt, Writing

TURNS = (
    Message(role="user", content="Hi"),
    Message(role="assistant", tool_calls=(Call(name="f", arguments={"city": "Orléans"}),)),
    Message(role="tool", content="1", name="f"),
)
QUESTION = Question(Prompt(TURNS, (Tool(name="f"),), {"enable_thinking": False}), 8, ("</s>",))
CALLS = [{"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]


@contextmanager
def running(replies: Mapping[str, Any]) -> Iterator[tuple[Runtime, dict[str, Any]]]:
    """A runtime with these replies, and the last request of each path."""
    asked: dict[str, Any] = {}

    def reply(path: str) -> Any:
        return lambda request: (asked.__setitem__(path, request), replies[path])[1]

    with scripted_runtime({path: reply(path) for path in replies}) as url:
        yield runtime_at(ChatAddress(f"{url}/v1", {}, "m"), 5), asked


def test_vllm():
    choice = {"message": {"content": None, "tool_calls": CALLS}, "finish_reason": "tool_calls", "token_ids": [5, 6]}
    replies = {
        "/version": {"version": "0.32.0"},
        "/tokenize": {"count": 3, "tokens": [1, 2, 3]},
        "/v1/completions": {"choices": [{"text": "ab", "token_ids": [7, 8], "finish_reason": "length"}]},
        "/v1/chat/completions": {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    }
    with running(replies) as (runtime, asked):
        assert runtime.prompt(QUESTION) == RuntimePrompt(None, (1, 2, 3))
        assert runtime.go_on([1, 2, 3], QUESTION) == Writing("ab", (7, 8), "length")
        reply = runtime.chat(QUESTION)
    assert reply.completion.tool_calls == (RawCall("f", '{"a": 1}'),)
    assert (reply.written, reply.read) == (Writing("", (5, 6), "stop"), 3)
    assert asked["/v1/completions"]["prompt"] == [1, 2, 3]
    for path in ("/tokenize", "/v1/chat/completions"):
        assert asked[path]["chat_template_kwargs"] == {"enable_thinking": False}
        assert asked[path]["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"city": "Orléans"}'
    assert asked["/v1/chat/completions"]["temperature"] == 0


@pytest.mark.parametrize(
    ("told", "seen"), [({"_debug_info": {"rendered_template": "Hi"}}, "Hi"), ({"done": True}, None)]
)
def test_ollama(told, seen):
    replies = {
        "/api/version": {"version": "0.12.3"},
        "/api/chat": told,
        "/v1/chat/completions": {"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]},
    }
    with running(replies) as (runtime, asked):
        prompt = runtime.prompt(QUESTION)
        assert (prompt.text if prompt else None) == seen
        assert runtime.go_on([1], QUESTION) is None
        reply = runtime.chat(QUESTION)
    assert (reply.completion.text, reply.written, reply.read) == ("Yes.", None, None)
    assert asked["/api/chat"]["messages"][1]["tool_calls"][0]["function"]["arguments"] == {"city": "Orléans"}


HOSTILE = (
    {},
    {"choices": []},
    {"choices": [{"message": 1}]},
    {"choices": [{"message": {"content": 1, "tool_calls": [1, {"function": []}]}}], "usage": {"prompt_tokens": -1}},
    {"choices": [{"message": {"tool_calls": [{"function": {"arguments": {"a": 1}}}]}, "token_ids": ["x"]}], "usage": 3},
)


@pytest.mark.parametrize("body", HOSTILE)
def test_replies_of_any_form_are_read_or_refused(body):
    paths = ("/tokenize", "/v1/completions", "/v1/chat/completions")
    with running({"/version": {"version": "1"}} | dict.fromkeys(paths, body)) as (runtime, _):
        for ask in (runtime.chat, runtime.prompt, lambda question: runtime.go_on([1], question)):
            with suppress(BadReply):
                ask(QUESTION)
