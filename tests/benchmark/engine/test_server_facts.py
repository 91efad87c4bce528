"""What each kind of server tells about itself is read; a server of another kind tells nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers.scripted_runtime import scripted_runtime
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.engine.json_server import JsonServer
from toolmark.benchmark.engine.server_facts import server_facts

TEMPLATE = "{{ messages }}"
LLAMA_CPP = {
    "default_generation_settings": {"n_ctx": 4096},
    "model_path": "/home/me/mine-Q4_K_M.gguf",
    "chat_template": TEMPLATE,
    "build_info": "b6100-abc",
}
SERVERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "llama.cpp": (
        {"/props": LLAMA_CPP, "/v1/models": {"data": [{"id": "m", "meta": {"ftype": "Q4_K - Medium"}}]}},
        {"version": "b6100-abc", "model_file": "mine-Q4_K_M.gguf", "quantisation": "Q4_K - Medium", "context": 4096}
        | {"template": digest(TEMPLATE), "model": "m"},
    ),
    "Ollama": (
        {
            "/api/version": {"version": "0.12.3"},
            "/api/show": {"details": {"quantization_level": "Q4_0"}, "template": "{{ .Prompt }}"},
        },
        {"version": "0.12.3", "model": "m", "quantisation": "Q4_0", "template": digest("{{ .Prompt }}")},
    ),
    "vLLM": (
        {
            "/version": {"version": "0.32.0"},
            "/v1/models": {"data": [{"id": "m", "root": "org/m", "max_model_len": 512}]},
        },
        {"version": "0.32.0", "model": "org/m", "context": 512},
    ),
    "LM Studio": (
        {"/api/v0/models": {"data": [{"id": "m", "quantization": "Q8_0", "max_context_length": 2048}]}},
        {"model": "m", "quantisation": "Q8_0", "context": 2048},
    ),
    "unknown": ({"/props": ["not", "an", "object"], "/version": "1"}, {}),
}


@pytest.mark.parametrize("kind", SERVERS)
def test_what_a_server_tells(kind):
    told, expected = SERVERS[kind]
    with scripted_runtime({path: lambda _, body=body: body for path, body in told.items()}) as url:
        facts = server_facts(JsonServer(url, {}, 5), "m")
    assert (facts.kind, facts.told) == (kind, expected)


def test_a_server_that_is_not_there_tells_nothing():
    assert server_facts(JsonServer("http://127.0.0.1:9", {}, 5), "m").kind == "unknown"
