"""A real OpenAI-compatible server on loopback: `transformers serve`, which loads each model that it is asked for.

It answers from a folder of models, so that a request names one by its folder's name:

* `pocket`: the shipped model;
* `pocket-native`: the same weights with a chat template that shows tools, and with the rule by which the server finds
  the calls in what the model wrote;
* `pocket-thinking`: the same weights with the chat template of Qwen3, which has the argument `enable_thinking`.

A test takes the fixture `real_server` and names a candidate with `spec`; the first request for a model loads it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.templates.folders import with_template

__all__ = ["RealServer", "real_server", "running_server", "transformers_serve"]

POCKET = Path(__file__).parents[2] / "benchmark" / "engine" / "pocket"
NEEDED = ("torch", "transformers", "fastapi", "uvicorn", "openai")
SERVICE = "REAL"
STARTED = re.compile(rb"Uvicorn running on (http://[\d.]+:\d+)")
SECONDS_TO_START = 120

# The list of tools as the dialect `json` words it, which pocket was trained on.
SHOWS_TOOLS = r"""
{%- set asked = messages[0]['content'] | trim if messages[0]['role'] == 'system' else '' -%}
{%- set turns = messages[1:] if messages[0]['role'] == 'system' else messages -%}
{%- set shown = namespace(text=asked) -%}
{%- if tools -%}
    {%- set shown.text = (asked + '\n\n' if asked else '') + 'Tools, one JSON object a line:\n' -%}
    {%- for tool in tools %}{% set shown.text = shown.text + (tool.function | tojson) + '\n' %}{% endfor -%}
    {%- set shown.text = shown.text + 'To call a tool, reply with {"name": "NAME", "arguments": {"ARGUMENT": "VALUE"}} '
        + 'and nothing after it.\n'
        + 'When no tool is needed, none fits, or a required argument is not known, answer in plain words.' -%}
{%- endif -%}
{{- bos_token -}}
{%- for turn in turns -%}
    {{- '<start_of_turn>' + ('model' if turn['role'] == 'assistant' else 'user') + '\n' -}}
    {{- (shown.text + '\n\n' if loop.first and shown.text else '') + (turn['content'] or '') | trim -}}
    {%- for call in turn['tool_calls'] or [] -%}
        {{- '{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}' -}}
    {%- endfor -%}
    {{- '<end_of_turn>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif -%}
"""
# Arguments are passed on as the model wrote them, whether or not they are JSON.
FINDS_CALLS = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<start_of_turn>model\n",
    "fields": {
        "tool_calls": {
            "open_pattern": r"\s*\{\"name\": \"(?P<name>[^\"]*)\", \"arguments\": ",
            "close_pattern": r"\}(?=<end_of_turn>|\n\{\"name\": )",
            "repeats": True,
            "content": "text",
            "transform": {"type": "function", "function": {"name": "{name}", "arguments": "{content}"}},
        },
        "content": {"close": "<end_of_turn>", "content": "text"},
    },
}


@dataclass(frozen=True, slots=True)
class RealServer:
    """A server that is running.

    Attributes:
        url: Of its API, up to `/v1`.
    """

    url: str

    def spec(self, model: str = "pocket") -> str:
        """The candidate that one of its models is, where `environment` holds."""
        return f"openai-api/{SERVICE.lower()}/{model}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which Inspect finds it."""
        return {f"{SERVICE}_BASE_URL": self.url, f"{SERVICE}_API_KEY": "none"}


def write_models(folder: Path) -> None:
    """Lay the models out under `folder`, their weights as links."""
    (folder / "pocket").symlink_to(POCKET, target_is_directory=True)
    with_template(POCKET, folder / "pocket-thinking", "qwen3")
    native = folder / "pocket-native"
    native.mkdir()
    for file in POCKET.iterdir():
        if file.name not in ("chat_template.jinja", "tokenizer_config.json"):
            (native / file.name).symlink_to(file)
    (native / "chat_template.jinja").write_text(SHOWS_TOOLS.strip("\n"))
    settings = json.loads((POCKET / "tokenizer_config.json").read_text())
    (native / "tokenizer_config.json").write_text(json.dumps({**settings, "response_template": FINDS_CALLS}))


@contextmanager
def running_server(folder: Path) -> Iterator[RealServer]:
    """`transformers serve` on the models under `folder`, until the context ends."""
    write_models(folder)
    log = folder / "server.log"
    serve = ["-m", "transformers.cli.transformers", "serve", "--device", "cpu", "--dtype", "float32"]
    serve += ["--host", "127.0.0.1", "--port", "0"]
    # More threads than processors make a small model many times slower; the hub is not to be asked.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, *serve], cwd=folder, env=environment, stdout=stream, stderr=stream)
    try:
        yield RealServer(f"{_address(process, log)}/v1")
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end and process.poll() is None:
        if found := STARTED.search(log.read_bytes()):
            return found[1].decode()
        time.sleep(0.1)
    pytest.fail(f"transformers serve did not start:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def transformers_serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """One server for all tests of a process."""
    for package in NEEDED:
        pytest.importorskip(package, reason=f"transformers serve needs {package}: pip install 'transformers[serving]'")
    with running_server(tmp_path_factory.mktemp("models")) as server:
        yield server


@pytest.fixture
def real_server(transformers_serve: RealServer, monkeypatch: pytest.MonkeyPatch) -> RealServer:
    """The server, with the variables set by which this test and the processes that it starts find it."""
    for name, value in transformers_serve.environment.items():
        monkeypatch.setenv(name, value)
    return transformers_serve
