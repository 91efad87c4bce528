"""An equal deployment has no difference, faults of a parser are named, and unknown servers are judged as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.servers.scripted_runtime import scripted_runtime
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.deployment.check import DeploymentResult, check_deployment
from toolmark.benchmark.deployment.command import as_json
from toolmark.benchmark.deployment.printed import print_result
from toolmark.benchmark.deployment.trained_side import TrainedSide
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.runtimes import llama_server
from toolmark.benchmark.engine.runtimes.connect import connected
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request

POCKET = Path(__file__).parents[3] / "benchmark" / "engine" / "pocket"
TOOL = {"name": "weather", "description": "Tells the weather.", "parameters": {"type": "object", "properties": {}}}
TWO = (
    '<tool_call>{"tool_name": "weather", "args": {"city": "Rome"}}</tool_call>\n'
    '<tool_call>{"tool_name": "weather", "args": {"city": "Oslo"}}</tool_call>'
)
Chat = Callable[[str], Mapping[str, Any]]


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> Request:
    folder = tmp_path_factory.mktemp("deployed")
    fixed = {"toolbox": [TOOL], "split": "test", "source": {"name": "test", "ref": "1"}, "licence": "CC0-1.0"}
    fixed["expect"] = {"action": "abstain", "reason": "no_tool_fits"}
    rows = [
        {**fixed, "messages": [{"role": "user", "content": f"Is it {word} in Rome?"}], "group": word}
        for word in ("hot", "cold")
    ]
    (folder / "cases.test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Request(
        models=("pocket",),
        cases=str(folder / "cases.test.jsonl"),
        dialect="tagged",
        max_tokens=8,
        runs=folder / "runs",
    )


def chat(text: str) -> Mapping[str, Any]:
    return {"role": "assistant", "content": text}


def returning(*calls: tuple[str, str]) -> Chat:
    listed = [{"type": "function", "function": {"name": name, "arguments": arguments}} for name, arguments in calls]
    return lambda _: {"role": "assistant", "content": "", "tool_calls": listed}


def checked(request: Request, message: Chat = chat, written: str | None = None) -> DeploymentResult:
    """Check a runtime that is equal to the trained model, but for the message that it makes of what it wrote.

    Args:
        request: The request.
        message: Makes the message of a reply of the text that the runtime wrote.
        written: What the runtime writes to every prompt. None if it writes what the trained model wrote.
    """
    evaluation = Evaluation(request)
    evaluation.run(logs=False)
    run = evaluation.contestants[0].run
    side = TrainedSide(POCKET, Tagged(), {})
    prompts = {case.messages[0].content: side.prompt(case) for case in evaluation.cases}
    texts = {side.prompt(case).ids: written or run.completions[case.id, 1].text for case in evaluation.cases}
    limited = {side.prompt(case).ids: run.completions[case.id, 1].stop_reason for case in evaluation.cases}

    def prompt_of(body: Mapping[str, Any]) -> Any:
        return next(one for question, one in prompts.items() if question in body["messages"][-1]["content"])

    def completion(body: Mapping[str, Any]) -> Any:
        ids = tuple(body["prompt"])
        stopped = written is not None or limited[ids] == "stop"
        tokens = side.tokens.encode(texts[ids]) + ([4] if stopped else [])
        return {"content": texts[ids], "tokens": tokens, "stop_type": "eos" if stopped else "limit"}

    def reply(body: Mapping[str, Any]) -> Any:
        prompt = prompt_of(body)
        wrote = completion({"prompt": prompt.ids})
        choice = {"message": message(wrote["content"]), "index": 0}
        choice["finish_reason"] = "stop" if wrote["stop_type"] == "eos" else "length"
        return {"choices": [choice], "usage": {"prompt_tokens": len(prompt.ids)}, "__verbose": wrote}

    replies = {
        "/v1/models": lambda _: {"data": [{"id": "m"}]},
        "/props": lambda _: {"default_generation_settings": {}, "build_info": "b1", "model_path": "/secret/m.gguf"},
        "/apply-template": lambda body: {"prompt": prompt_of(body).text.removeprefix("<bos>")},
        "/tokenize": lambda body: {"tokens": [2, *side.tokens.encode(body["content"])]},
        "/completion": completion,
        "/v1/chat/completions": reply,
    }
    with scripted_runtime(replies) as url, connected(url, 20) as runtime:
        return check_deployment(request, runtime)


def classes(result: DeploymentResult) -> dict[str, dict[str, int]]:
    return {part.name: dict(part.classes) for part in result.parts if part.classes}


def test_an_equal_deployment(request_, capsys):
    result = checked(request_)
    assert classes(result) == {}
    assert {part.verdict for part in result.parts} == {"equivalent"}
    assert [part.equal for part in result.parts] == [2] * 5
    assert result.runtime == {"kind": "llama.cpp", "version": "b1", "model": "m", "model_file": "m.gguf"}
    print_result(result)
    assert "runtime: llama.cpp (version b1, model m, model_file m.gguf)" in capsys.readouterr().out


ROME, OSLO = ("weather", '{"city": "Rome"}'), ("weather", '{"city": "Oslo"}')
PARSERS = {
    "calls_lost": (returning(ROME), TWO),
    "calls_invented": (returning(ROME, OSLO, OSLO), TWO),
    "arguments_changed": (returning(ROME, ("weather", '{"city": "oslo"}')), TWO),
    "text_lost": (lambda _: chat(""), "It is sunny."),
}


@pytest.mark.parametrize("kind", PARSERS)
def test_faults_of_a_parser(request_, kind, capsys):
    message, written = PARSERS[kind]
    result = checked(request_, message, written)
    assert classes(result) == {"weights": {"other_tokens": 2}, "parser": {kind: 2}}
    print_result(result)
    assert f"parser: {kind} in 2 cases" in capsys.readouterr().out
    stored = json.loads(json.dumps(as_json(result)))
    assert stored["parts"][3]["classes"] == {kind: 2}
    assert {one["kind"] for one in stored["findings"]} == {"other_tokens", kind}


def test_a_parser_that_returns_the_calls_is_equal(request_):
    assert classes(checked(request_, returning(ROME, OSLO), TWO)) == {"weights": {"other_tokens": 2}}


def test_an_unknown_server_is_judged_as_a_whole(request_, capsys):
    answer = {"choices": [{"message": chat("Yes."), "finish_reason": "stop"}]}
    replies = {"/v1/models": lambda _: {"data": [{"id": "m"}]}, "/v1/chat/completions": lambda _: answer}
    with scripted_runtime(replies) as url, connected(f"{url}/v1", 20) as runtime:
        result = check_deployment(request_, runtime)
    parts = {part.name: part for part in result.parts}
    assert [name for name, part in parts.items() if part.n] == ["deployed"]
    assert parts["deployed"].verdict is not None
    print_result(result)
    assert capsys.readouterr().out.count("cannot be seen") == 4


def refused(spec: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match), connected(spec, 5):
        pass


def test_specs_that_name_no_server(tmp_path, monkeypatch):
    refused("pocket", InputError, "--deployed pocket is neither a server nor a GGUF file")
    refused("http://127.0.0.1:9", EnvironmentFault, "cannot be reached, or lists no model")
    with scripted_runtime({"/v1/models": lambda _: {"data": [{"id": "a"}, {"id": "b"}]}}) as url:
        refused(url, InputError, f"Choose one: --deployed {url}#NAME")
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF")
    monkeypatch.setattr(llama_server, "find_spec", lambda _: None)
    refused(str(file), EnvironmentFault, "pip install xllamacpp")
