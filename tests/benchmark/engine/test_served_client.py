"""Served models come through Inspect's providers."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack

import pytest

from tests.servers.scripted import FAULTS, calling, scripted_server, seeded
from tests.servers.scripted_runtime import scripted_runtime
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion, RawCall, Usage
from toolmark.benchmark.dialects.functiongemma import FunctionGemma
from toolmark.benchmark.dialects.native import Native
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine import NotAnswered
from toolmark.benchmark.engine.inspect_messages import completion_of, messages_of, output_of
from toolmark.benchmark.engine.served_client import ServedEngine

PROMPT = Tagged().render([Message(role="system", content="Be brief."), Message(role="user", content="Hi")], [])


def test_a_server_answers_every_prompt_once(served):
    engine = ServedEngine(served, Decoding())
    engine.prepare([PROMPT] * 23, Tagged())
    found = list(engine.answer(range(23)))
    assert sorted(index for index, _ in found) == list(range(23))
    assert {completion for _, completion in found} == {Completion("I read 2 turns.", usage=Usage(7, 5))}


def test_several_rounds_of_requests_use_the_same_connections(served):
    engine = ServedEngine(served, Decoding())
    engine.prepare([PROMPT] * 3, Tagged())
    for epoch in range(1, 5):
        assert len(list(engine.answer(range(3), epoch))) == 3
    engine.close()
    assert engine.notes() == ()


def test_what_the_server_tells_of_itself_is_recorded(served, monkeypatch):
    assert ServedEngine(served, Decoding()).environment()["server"] == {"kind": "unknown"}
    key = "sk-never-stored-123456"
    props = {"default_generation_settings": {"n_ctx": 512}, "build_info": f"b1 {key}", "model_ftype": "Q8_0"}
    with scripted_runtime({"/props": lambda _: props}) as url:
        monkeypatch.setenv("LOOPBACK_BASE_URL", f"{url}/v1")
        monkeypatch.setenv("LOOPBACK_API_KEY", key)
        told = ServedEngine(served, Decoding()).environment()["server"]
    assert (told["kind"], told["quantisation"], told["context"]) == ("llama.cpp", "Q8_0", 512)
    assert key not in told["version"]


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
        with pytest.raises(InputError, match=r"the file of prices .* cannot be read"):
            ServedEngine(model, Decoding())
    prices.unlink()
    with pytest.raises(InputError, match="Write lines like openai"):
        ServedEngine(model, Decoding())


LONG = (
    json.dumps({"text": "word " * 21}),
    json.dumps({"text": "ü\n\\" * 40_000}),
    json.dumps({"deep": {"list": ["x" * 101, "data:image/png;base64," + "A" * 200]}}),
    '{"text":  "' + "broken " * 30,
    json.dumps({"text": "attachment://" + "0" * 32}),
)


@pytest.mark.parametrize("spec", ["openai/gpt-4.1", "openai/gpt-5", "openai-api/scripted/tiny"])
def test_long_native_calls_are_kept_byte_for_byte(monkeypatch, spec):
    """`openai/gpt-5` is asked in the form of responses, the others in the form of chat completions."""
    names = ("f", "a_name_" + "of_a_tool_" * 10)
    sent = [(names[index % 2], text) for index, text in enumerate(LONG)]
    tool = Tool(name="f", description="Uses it.", parameters={"type": "object", "properties": {"text": {}}})
    prompt = Native().render([Message(role="user", content="Go.")], [tool])
    with scripted_server(lambda _: calling(*sent)) as server:
        for name, value in {**server.environment, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none"}.items():
            monkeypatch.setenv(name, value)
        engine = ServedEngine(spec, Decoding())
        engine.prepare([prompt], Native())
        ((_, completion),) = engine.answer([0])
        assert ("input" in server.requests[0]) == (spec == "openai/gpt-5")
    assert [(call.name, call.arguments) for call in completion.tool_calls] == sent


def test_a_server_that_repeats_the_key_and_sends_control_characters(monkeypatch):
    key = "sk-0123456789abcdef"
    said = f"no \x1b[2Jentry\u202e for {key}"

    def script(request, before):  # noqa: ARG001
        return "401" if "refuse" in str(request["messages"]) else "400" if "bad" in str(request["messages"]) else None

    with scripted_server(lambda _: {"content": said, **calling(("f", json.dumps({"key": key})))}, script) as server:
        server.said = said
        for name, value in {**server.environment, "SCRIPTED_API_KEY": key}.items():
            monkeypatch.setenv(name, value)
        engine = ServedEngine(server.spec, Decoding())
        turns = [Tagged().render([Message(role="user", content=text)], []) for text in ("go", "bad", "refuse")]
        engine.prepare(turns, Tagged())
        ((_, completion),) = engine.answer([0])
        assert completion.tool_calls == (RawCall("f", '{"key": "[hidden]"}'),)
        with pytest.raises(NotAnswered) as refused:
            list(engine.answer([1]))
        with pytest.raises(EnvironmentFault) as fault:
            list(engine.answer([2]))
    for text in (refused.value.reasons[1], str(fault.value)):
        assert "no \\x1b[2Jentry\\u202e for [hidden]" in text


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        *(("openai-api/scripted/tiny", fault) for fault in ("endless", "bomb", "bomb of bombs")),
        ("openai/gpt-4.1", "bomb"),
        *(pytest.param("openai/gpt-4.1", fault, marks=pytest.mark.slow) for fault in ("endless", "bomb of bombs")),
    ],
)
def test_a_reply_that_is_too_long_is_not_read(monkeypatch, spec, fault):
    with scripted_server(lambda _: {"content": "x" * 2_000_000}, lambda _, before: fault if before else None) as server:
        for name, value in {**server.environment, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none"}.items():
            monkeypatch.setenv(name, value)
        engine = ServedEngine(spec, Decoding(), RequestLimits(retries=3))
        engine.prepare([PROMPT], Tagged())
        ((_, completion),) = engine.answer([0])
        assert len(completion.text) == 2_000_000
        with pytest.raises(NotAnswered) as refused:
            list(engine.answer([0]))
        twice = "the reply is compressed ('gzip, gzip'), although this was not requested"
        assert refused.value.reasons == {0: twice if fault == "bomb of bombs" else "the reply has more than 16 MiB"}
        assert len(server.requests) == 2, "it is not asked again"


def test_a_missing_key_is_the_environments_fault(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EnvironmentFault, match=r"openai/gpt-4\.1 cannot be used:.*No OPENAI_API_KEY"):
        ServedEngine("openai/gpt-4.1", Decoding())


def test_turns_and_completions_survive_the_way_through_inspect():
    assert [(turn.role, turn.text) for turn in messages_of(PROMPT)] == [("system", "Be brief."), ("user", "Hi")]
    for reason in ("stop", "length", "unknown"):
        completion = Completion("text", stop_reason=reason)
        assert completion_of(output_of(completion, "m")) == completion


def call_all(request):
    """A call of every tool offered, with arguments that a client would mend."""
    return calling(*((tool["function"]["name"], '{"a": 1}"') for tool in request.get("tools", ())))


@pytest.fixture
def server(monkeypatch):
    """`server(answer, script, …)`: a scripted server, found by its `spec`."""
    with ExitStack() as stack:

        def start(answer, *script, **options):
            scripted = stack.enter_context(scripted_server(answer, *script, **options))
            for name, value in scripted.environment.items():
                monkeypatch.setenv(name, value)
            return scripted

        yield start


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("3600", "a pause of 3,600 s"),
        ("99999999999999999999", "a pause of 100,000,000,000,000,000,000 s"),
        ("Fri, 31 Dec 9999 23:59:59 GMT", r"a pause of 25\d,\d{3},\d{3},\d{3} s"),
    ],
)
def test_a_server_cannot_ask_for_a_longer_pause_than_a_request_may_take(server, value, shown):
    scripted = server(count_of, lambda *_: f"wait {value}")
    engine = ServedEngine(scripted.spec, Decoding(), RequestLimits(timeout=1.5))
    engine.prepare([PROMPT], Tagged())
    with pytest.raises(NotAnswered) as error:
        list(engine.answer([0]))
    expected = rf"{shown} \(Retry-After\), which is longer than --request-timeout 1\.5: .*come back"
    assert re.search(expected, error.value.reasons[0])
    assert scripted.outcomes.total() == 1


@pytest.mark.parametrize("value", ["0", "0.01", "inf", "-5", "soon", "9" * 400, "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_another_value_of_retry_after_is_no_reason_to_stop(server, value):
    scripted = server(count_of, lambda _, before: None if before else f"wait {value}")
    engine = ServedEngine(scripted.spec, Decoding(), RequestLimits(timeout=5))
    engine.prepare(numbered(1), Tagged())
    assert [completion.text for _, completion in engine.answer([0])] == ["number 0"]


def test_native_calls_come_as_the_server_sent_them(server):
    scripted = server(call_all)
    tools = [Tool(name=f"tool_{index}", description="Does it.") for index in range(12)]
    turns = [
        Message(role="user", content="Go."),
        Message(role="assistant", tool_calls=(Call(name="tool_0", arguments={"a": 1}),)),
        Message(role="tool", name="tool_0", content="5"),
    ]
    engine = ServedEngine(scripted.spec, Decoding())
    engine.prepare([Native().render(turns, [tool]) for tool in tools], Native())
    found = dict(engine.answer(range(12)))
    # Inspect would have dropped the stray quote: the strict reading must see it.
    assert {index: completion.tool_calls for index, completion in found.items()} == {
        index: (RawCall(tool.name, '{"a": 1}"'),) for index, tool in enumerate(tools)
    }
    asked, called, result = scripted.requests[0]["messages"]
    assert asked["content"] == "Go."
    assert [json.loads(call["function"]["arguments"]) for call in called["tool_calls"]] == [{"a": 1}]
    assert (result["content"], result["tool_call_id"]) == ("5", called["tool_calls"][0]["id"])
    assert "stop" not in scripted.requests[0]


def test_a_server_is_told_where_a_dialect_ends_a_completion(server):
    scripted = server(call_all)
    engine = ServedEngine(scripted.spec, Decoding())
    engine.prepare([PROMPT], FunctionGemma())
    list(engine.answer([0]))
    assert scripted.requests[0]["stop"] == ["<start_function_response>"]


MENDED = [
    ('{"a": 1}"', None),  # a stray quote: a client drops it
    ("1", None),  # a bare value: a client gives it to the first parameter
    ('{"a": 1, "a": 2}', {"a": 2}),  # a doubled key: a client says nothing of it
    ("", {}),
    ('"{\\"a\\": 1}"', {"a": 1}),
]


@pytest.mark.parametrize(("arguments", "lenient"), MENDED, ids=[text or "none" for text, _ in MENDED])
def test_malformed_native_arguments_are_judged_as_they_were_sent(server, arguments, lenient):
    scripted = server(lambda _: calling(("add", arguments)))
    tool = Tool(name="add", parameters={"type": "object", "properties": {"a": {"type": "integer"}}})
    engine = ServedEngine(scripted.spec, Decoding())
    engine.prepare([Native().render([Message(role="user", content="Go.")], [tool])], Native())
    ((_, completion),) = engine.answer([0])
    assert completion.tool_calls == (RawCall("add", arguments),)
    strict, lenient_reading = (Native().parse(completion, strict=strict) for strict in (True, False))
    assert strict.attempted
    assert strict.error is not None
    assert [dict(call.arguments) for call in lenient_reading.calls] == ([] if lenient is None else [lenient])


HASTY = RequestLimits(connections=8, timeout=8, retries=12)


def count_of(request):
    return {"content": request["messages"][-1]["content"]}


def numbered(count):
    return [Tagged().render([Message(role="user", content=f"number {index}")], []) for index in range(count)]


def test_every_fault_is_tried_again_and_counted(server):
    scripted = server(count_of, seeded(1, 0.4), hang=10)
    engine = ServedEngine(scripted.spec, Decoding(), HASTY)
    engine.prepare(numbered(40), Tagged())
    found = dict(engine.answer(range(40)))
    assert {index: completion.text for index, completion in found.items()} == {n: f"number {n}" for n in range(40)}
    assert set(scripted.outcomes) == {*FAULTS, "answered"}
    assert scripted.outcomes["answered"] == 40, "what was answered is not asked again"
    (note,) = engine.notes()
    faults = {fault: scripted.outcomes[fault] for fault in FAULTS}
    assert f"{sum(faults.values())} requests failed" in note
    shown = {
        "429": faults["429"],
        "500": faults["500"],
        "time-out": faults["hang"],
        "no connection": faults["cut"] + faults["dropped"],
        "broken reply": faults["broken"] + faults["no choice"],
    }
    assert all(f"{kind} ({count})" in note for kind, count in shown.items()), note


@pytest.mark.parametrize(("fault", "tries"), [("500", 3), ("400", 1)])
def test_a_prompt_that_is_never_answered_holds_up_no_other(server, fault, tries):
    scripted = server(count_of, lambda request, _: fault if request["messages"][-1]["content"] == "number 1" else None)
    engine = ServedEngine(scripted.spec, Decoding(), RequestLimits(connections=2, retries=2))
    engine.prepare(numbered(9), Tagged())
    found = []
    with pytest.raises(NotAnswered) as error:
        found += [index for index, _ in engine.answer(range(9))]
    assert scripted.outcomes == {"answered": 8, fault: tries}
    assert list(error.value.reasons) == [1]
    assert f"status {fault}" in error.value.reasons[1]
    assert error.value.asked


def test_a_server_that_is_down_is_not_asked_on(server):
    scripted = server(count_of, lambda _, __: "500")
    engine = ServedEngine(scripted.spec, Decoding(), RequestLimits(connections=2, retries=0))
    engine.prepare(numbered(90), Tagged())
    with pytest.raises(NotAnswered) as error:
        list(engine.answer(range(90)))
    assert not error.value.asked
    assert scripted.outcomes.total() < 6


def test_a_refused_key_is_asked_with_once(server):
    scripted = server(count_of, lambda _, __: "401")
    engine = ServedEngine(scripted.spec, Decoding(), RequestLimits(connections=2))
    engine.prepare(numbered(90), Tagged())
    with pytest.raises(EnvironmentFault, match=r"tiny refuses all requests: .*status 401.*API key"):
        list(engine.answer(range(90)))
    assert scripted.outcomes.total() <= 3
