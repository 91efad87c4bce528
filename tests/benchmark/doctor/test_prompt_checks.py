"""What a server does with tools is compared with what its template says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.servers.scripted_runtime import scripted_runtime
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.doctor.findings import Finding, run_checks
from toolmark.benchmark.doctor.probe_question import QUESTION, TOOL
from toolmark.benchmark.doctor.prompt_checks import prompt_checks
from toolmark.benchmark.engine.chat_address import ChatAddress
from toolmark.benchmark.engine.runtimes.connect import runtime_at

TEMPLATE = "{{ bos_token }}{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}{{ messages[0].content }}\nbot:"
TOOL_LINE = json.dumps(TOOL.as_openai(), ensure_ascii=False)
RIGHT = f"{TOOL_LINE}\n{QUESTION}\nbot:"


def found(text: str, template: str = TEMPLATE, dialect: str = "native") -> Mapping[str, Finding]:
    props = {"default_generation_settings": {}, "chat_template": template, "bos_token": "<s>"}
    replies: dict[str, Any] = {
        "/props": lambda _: props,
        "/apply-template": lambda _: {"prompt": text},
        "/tokenize": lambda _: {"tokens": [1, 2]},
    }
    with scripted_runtime(replies) as url:
        runtime = runtime_at(ChatAddress(f"{url}/v1", {}, "m"), 10)
        return dict(run_checks(prompt_checks(runtime, load("toolmark.dialects", dialect)())))


def test_a_server_that_follows_its_template():
    assert found(RIGHT) == {"prompt": Finding("ok", "the server writes tools as its template does")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{QUESTION}\nbot:", "does not write the tool into the prompt"),
        (f"{{{TOOL.name} {{object map[weight:{{number}}]}}}}\n{QUESTION}\nbot:", "does not show the tool as JSON"),
        (RIGHT.replace('{"type": "number"}', "{}"), "changes the tool (a schema lacks parts"),
        (RIGHT.replace("bot:", " bot:"), "not what its template writes: white space differs"),
        (f"You are Bot.\n{RIGHT}", "adds text before the conversation"),
    ],
)
def test_servers_that_do_something_else(text, said):
    finding = found(text)["prompt"]
    assert (finding.state, said in finding.found) == ("warning", True), finding
    assert found(text, dialect="tagged")["prompt"].state == "ok"


def test_a_template_without_tools():
    template = TEMPLATE.replace("{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}", "")
    assert "the template does not show tools" in found(RIGHT, template)["prompt"].found


def test_a_server_that_tells_no_prompt_has_no_line():
    with scripted_runtime({}) as url:
        runtime = runtime_at(ChatAddress(f"{url}/v1", {}, "m"), 10)
        assert dict(run_checks(prompt_checks(runtime, load("toolmark.dialects", "native")()))) == {}
