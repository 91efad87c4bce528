"""A deployed model is asked as users ask it, and compared with the model that was deployed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.servers.scripted_runtime import Refusal, scripted_runtime
from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.reports.fairness import fairness

TEMPLATE = (Path(__file__).parents[3] / "benchmark" / "engine" / "pocket" / "chat_template.jinja").read_text()
TOOL = {"name": "weather", "description": "Tells the weather.", "parameters": {"type": "object", "properties": {}}}
PROPS = {"default_generation_settings": {}, "build_info": "b7", "model_path": "/m.gguf", "model_ftype": "Q8_0"}


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    fixed = {"toolbox": [TOOL], "split": "test", "source": {"name": "test", "ref": "1"}, "licence": "CC0-1.0"}
    fixed["expect"] = {"action": "abstain", "reason": "no_tool_fits"}
    rows = [
        {**fixed, "messages": [{"role": "user", "content": f"Is it {word} in Rome?"}], "group": word}
        for word in ("hot", "cold")
    ]
    file = tmp_path / "cases.test.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_a_server_is_a_candidate(cases, tmp_path):
    asked: list[Any] = []

    def chat(body: Any) -> Any:
        asked.append(body)
        if "cold" in body["messages"][-1]["content"]:
            return Refusal(500, "the template is broken")
        return {"choices": [{"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}]}

    replies = {
        "/v1/models": lambda _: {"data": [{"id": "m"}]},
        "/props": lambda _: {**PROPS, "chat_template": TEMPLATE.rstrip()},
        "/v1/chat/completions": chat,
    }
    with scripted_runtime(replies) as url:
        name = f"deployed/{url.removeprefix('http://')}"
        request = Request(
            ("pocket",), deployed=(url,), cases=str(cases), dialect="tagged", max_tokens=8, runs=tmp_path / "runs"
        )
        evaluation = Evaluation(request)
        comparison = evaluation.run(logs=False)
        ours, deployed = evaluation.contestants
        assert (deployed.name, deployed.baseline, deployed.dialect) == (name, ours, ours.dialect)
        assert {(body["model"], body["temperature"], "tools" in body) for body in asked} == {("m", 0.0, False)}
        assert sorted(one.text for one in deployed.run.completions.values()) == ["", "Yes."]
        assert deployed.run.notes == (
            "the server refused 1 conversations, for example: status 500: the template is broken",
        )
        found = {one.what: one for one in fairness(comparison, comparison[name])}
        assert (found["template"].state, found["prompts"].state, found["decoding"].state) == ("ok", "ok", "ok")
        assert found["dtype"].text == "dtype Q8_0, baseline float32"
        assert "engine llama.cpp b7, baseline transformers" in found["engine"].text

        Evaluation(request).run(logs=False)
        assert len(asked) == 2, "answers in the ledger are not asked for again"
    with pytest.raises(EnvironmentFault, match="cannot be reached"):
        Evaluation(request).run(logs=False)


def test_a_silent_server_is_asked_again_by_the_next_run(cases, tmp_path):
    replies = {"/v1/models": lambda _: {"data": [{"id": "m"}]}, "/v1/chat/completions": lambda _: Refusal(503, "busy")}
    with scripted_runtime(replies) as url:
        request = Request(deployed=(url,), cases=str(cases), dialect="tagged", runs=tmp_path / "runs")
        with pytest.raises(EnvironmentFault, match=r"did not answer case .* status 503: busy; 1 other cases"):
            Evaluation(request).run(logs=False)
