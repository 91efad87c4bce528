"""Phase one against a real OpenAI-compatible server: `transformers serve` on the shipped model."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from tests.servers.scripted import scripted_server
from tests.templates.folders import with_template

TOOLS = {
    "get_weather": ("Tells the weather of a city.", {"city": {"type": "string"}}),
    "add": ("Adds two numbers.", {"a": {"type": "number"}, "b": {"type": "number"}}),
    "send_message": ("Sends a message to a person.", {"person": {"type": "string"}, "text": {"type": "string"}}),
}
QUESTIONS = ["Use get_weather with city Paris.", "Set an alarm at 07:30.", "Adds two numbers: a 4, b 9", "Thank you!"]


def completions(runs: Path, name: str) -> dict[str, dict]:
    """What a run recorded, by case, without the seconds and without what only a local model tells."""
    (ledger,) = runs.glob(f"{name}-????????/ledger.jsonl")
    rows = [json.loads(line) for line in ledger.read_text().splitlines()]
    for row in rows:
        row.get("usage", {}).pop("seconds", None)
        row.pop("call_probability", None)
    return {row["case_id"]: {key: row[key] for key in row if key != "key"} for row in rows if "key" in row}


@pytest.mark.parametrize("dialect", ["tagged", pytest.param("json", marks=pytest.mark.slow)])
def test_a_served_model_gives_the_completions_of_the_local_one(real_server, suites, tmp_path, dialect):
    models = ("--model", real_server.spec(), "--model", "pocket")
    ended = suites(*models, "--dialect", dialect, "--limit", "3", "--max-tokens", "32", "-k", "not gold")
    assert ended.returncode == 0, ended.stdout
    shown = f"openai-api/real/pocket: inspect openai-api/real/pocket; dialect {dialect} (chosen by --dialect)"
    assert shown in ended.stdout
    served, local = (completions(tmp_path / "runs", name) for name in ("openai-api-real-pocket", "pocket"))
    assert len(served) == 3
    assert served == local, "both are greedy and compute in fp32: text, stop reason and counts of tokens agree"


@pytest.mark.parametrize("args", [pytest.param("{}", marks=pytest.mark.slow), '{"enable_thinking": false}'])
def test_a_server_renders_the_template_with_the_arguments_of_the_local_model(
    real_server, pocket, suites, tmp_path, args
):
    local_folder = with_template(pocket, tmp_path / "pocket-thinking", "qwen3")
    models = ("--model", real_server.spec("pocket-thinking"), "--model", str(local_folder))
    few = ("--dialect", "tagged", "--limit", "3", "--max-tokens", "24", "-k", "not gold")
    ended = suites(*models, *few, "--template-args", args)
    assert ended.returncode == 0, ended.said
    names = ("openai-api-real-pocket-thinking", "pocket-thinking")
    served, local = (completions(tmp_path / "runs", name) for name in names)
    assert len(served) == 3
    assert served == local, "the counts of read tokens agree, so the server used the arguments"


@pytest.fixture
def relay(real_server, monkeypatch):
    """A server that passes every request on to the real one, and what that one answered."""
    answers = []

    def ask(request):
        body = json.dumps({**request, "model": "pocket-native"}).encode()
        sent = urllib.request.Request(f"{real_server.url}/chat/completions", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(sent, timeout=120) as response:
            message = json.loads(response.read())["choices"][0]["message"]
        answers.append(message)
        return message

    with scripted_server(ask, service="relay") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server, answers


def test_native_calls_of_a_real_server_are_recorded_as_it_sent_them(relay, suites, tmp_path):
    server, answers = relay
    lines = [
        {
            "messages": [{"role": "user", "content": question}],
            "toolbox": [
                {
                    "name": name,
                    "description": description,
                    "parameters": {"type": "object", "properties": properties, "required": list(properties)},
                }
            ],
            "expect": {"action": "call", "any_of": [{"calls": [{"name": name, "arguments": {}}]}]},
            "group": f"{name}-{number}",
            "split": "test",
            "tags": {},
            "source": {"name": "here", "ref": f"{name}-{number}"},
            "licence": "Apache-2.0",
        }
        for name, (description, properties) in TOOLS.items()
        for number, question in enumerate(QUESTIONS)
    ]
    cases = tmp_path / "cases.jsonl"
    cases.write_text("\n".join(map(json.dumps, lines)))
    ended = suites("--model", server.spec, "--dialect", "native", "--cases", str(cases), "-k", "not gold")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = completions(tmp_path / "runs", "openai-api-relay-tiny").values()

    def sent(message):
        calls = [call["function"] for call in message.get("tool_calls") or ()]
        return [{"name": call["name"], "arguments": call["arguments"]} for call in calls]

    assert len(rows) == len(lines)
    assert sorted(json.dumps([row["text"], row["tool_calls"]]) for row in rows) == sorted(
        json.dumps([message["content"] or "", sent(message)]) for message in answers
    )
    called = [call for row in rows for call in row["tool_calls"]]
    assert called, "the model calls at least once"
    assert all(type(call["arguments"]) is str for call in called)
    assert all(request["tools"] for request in server.requests)
