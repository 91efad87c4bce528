"""Served models come through Inspect's providers."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmark.cases import Call, Message, Tool
from benchmark.completions import Completion, RawCall, Usage
from benchmark.config import Decoding
from benchmark.dialects.functiongemma import FunctionGemma
from benchmark.dialects.native import Native
from benchmark.dialects.tagged import Tagged
from benchmark.engine.inspect_chat import completion_of, messages_of, output_of
from benchmark.engine.served import ServedEngine
from benchmark.errors import EnvironmentFault, InputError

PROMPT = Tagged().render([Message(role="system", content="Be brief."), Message(role="user", content="Hi")], [])


def test_a_server_answers_every_prompt_in_order(served):
    engine = ServedEngine(served, Decoding())
    engine.prepare([PROMPT] * 23, Tagged())
    found = list(engine.answer(range(23)))
    assert [index for index, _ in found] == list(range(23))
    assert {completion for _, completion in found} == {Completion("I read 2 turns.", usage=Usage(7, 5))}


def test_what_an_answer_costs_is_known_where_the_price_is(served, monkeypatch, tmp_path):
    model = served.replace("tiny", "priced")  # a name of its own: Inspect keeps a model with the address that it had
    prices = tmp_path / "prices.yaml"
    monkeypatch.setenv("INSPECT_EVAL_MODEL_COST_CONFIG", str(prices))
    price = "{input: 2.0, output: 8.0, input_cache_write: 0, input_cache_read: 0}"
    prices.write_text(f"{model}: {price}\n")
    engine = ServedEngine(model, Decoding())
    engine.prepare([PROMPT], Tagged())
    ((_, completion),) = engine.answer([0])
    assert completion.usage.cost == pytest.approx((7 * 2 + 5 * 8) / 1e6)
    for content in ("[1, 2]", f"{model}: {{input: much}}", "{", "&a [*a]"):
        prices.write_text(content)
        with pytest.raises(InputError, match="holds no prices"):
            ServedEngine(model, Decoding())
    prices.unlink()
    with pytest.raises(InputError, match="Write lines as: openai"):
        ServedEngine(model, Decoding())


def test_a_missing_key_is_the_environments_fault(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EnvironmentFault, match=r"openai/gpt-4\.1 cannot be opened: .*No OPENAI_API_KEY"):
        ServedEngine("openai/gpt-4.1", Decoding())


def test_turns_and_completions_survive_the_way_through_inspect():
    assert [(turn.role, turn.text) for turn in messages_of(PROMPT)] == [("system", "Be brief."), ("user", "Hi")]
    for reason in ("stop", "length", "unknown"):
        completion = Completion("text", stop_reason=reason)
        assert completion_of(output_of(completion, "m")) == completion


class _Calls(BaseHTTPRequestHandler):
    """Calls every tool that it is offered, with arguments that a client would mend, and keeps what it was sent."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(request)
        calls = [
            {"id": "1", "type": "function", "function": {"name": tool["function"]["name"], "arguments": '{"a": 1}"'}}
            for tool in request.get("tools", ())
        ]
        choice = {"index": 0, "message": {"role": "assistant", "content": "", "tool_calls": calls}}
        choice["finish_reason"] = "tool_calls"
        fixed = {"id": "1", "object": "chat.completion", "created": 0, "model": request["model"]}
        body = json.dumps({**fixed, "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        return


@pytest.fixture
def calling(monkeypatch):
    # Inspect keeps a model by its name, with the address that it had then: each test names its own.
    with ThreadingHTTPServer(("127.0.0.1", 0), _Calls) as server:
        server.requests = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("CALLING_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        monkeypatch.setenv("CALLING_API_KEY", "none")
        yield server
        server.shutdown()


def test_native_calls_come_as_the_server_sent_them(calling):
    tools = [Tool(name=f"tool_{index}", description="Does it.") for index in range(12)]
    turns = [
        Message(role="user", content="Go."),
        Message(role="assistant", tool_calls=(Call(name="tool_0", arguments={"a": 1}),)),
        Message(role="tool", name="tool_0", content="5"),
    ]
    engine = ServedEngine("openai-api/calling/tiny", Decoding())
    engine.prepare([Native().render(turns, [tool]) for tool in tools], Native())
    found = dict(engine.answer(range(12)))
    # Inspect would have dropped the stray quote: the strict reading must see it.
    assert {index: completion.tool_calls for index, completion in found.items()} == {
        index: (RawCall(tool.name, '{"a": 1}"'),) for index, tool in enumerate(tools)
    }
    asked, called, result = calling.requests[0]["messages"]
    assert asked["content"] == "Go."
    assert [json.loads(call["function"]["arguments"]) for call in called["tool_calls"]] == [{"a": 1}]
    assert (result["content"], result["tool_call_id"]) == ("5", called["tool_calls"][0]["id"])
    assert "stop" not in calling.requests[0]


def test_a_server_is_told_where_a_dialect_ends_a_completion(calling):
    engine = ServedEngine("openai-api/calling/stopping", Decoding())
    engine.prepare([PROMPT], FunctionGemma())
    list(engine.answer([0]))
    assert calling.requests[0]["stop"] == ["<start_function_response>"]
