"""A real server as teacher: `transformers serve` on the shipped model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk

from tests.forked.commands import Ended, Toolmark
from tests.servers.real import RealServer
from tests.servers.scripted import scripted_server

TOOLS = '''
from toolmark.benchmark.tools.effects import effects

@effects("pure")
def find_city(city: str) -> str:
    """Find a city.

    Args:
        city: Name of the city.
    """
    return f"{city[:3].upper()}-{len(city)}"
'''
# So small a model understands few words; it copies well.
PROMPTS = {
    "caller": "Call.",
    "caller_hard": "Call.",
    "answerer": "Repeat: The result is $result.",
}
CITIES = ("Lisbon", "Paris", "Oslo", "Cairo", "Nairobi", "Lima", "Quito", "Dublin", "Tokyo", "Madrid", "Hanoi", "Rome")
CHAT = ("Thank you!", "Good morning", "Hello", "Good night")


def written(request: Mapping[str, Any]) -> dict[str, Any]:
    """The writer's reply: what the model can be asked."""
    text = request["messages"][0]["content"]
    if "find_city" not in text:
        return {"content": json.dumps({"queries": CHAT})}
    cities = CITIES[::2] if "They are hard" in text else CITIES[1::2]
    return {"content": json.dumps({"queries": [f"Use find_city with city={city}" for city in cities]})}


@pytest.fixture
def taught(toolmark: Toolmark, tmp_path: Path) -> Any:
    """`taught(out, …)`: a generation by the teacher over the tool above."""
    (tmp_path / "cities.py").write_text(TOOLS)
    (tmp_path / "MANIFEST.toml").write_text("")
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    for name, text in PROMPTS.items():
        (prompts / f"{name}.md").write_text(text)
    fixed = ("--tools", str(tmp_path / "cities.py"), "--manifest", str(tmp_path / "MANIFEST.toml"))
    amounts = ("--queries", "6", "--no-tool", "4", "--batch", "6", "--max-tokens", "64", "--max-connections", "2")

    def run(out: Path, environment: Mapping[str, str], *flags: str) -> Ended:
        command = ("generate", "teacher", *fixed, *amounts, "--prompts", str(prompts), "--out", str(out), *flags)
        return toolmark(*command, environment=environment)

    return run


def test_a_real_server_calls_and_answers(real_server: RealServer, taught: Any, tmp_path: Path) -> None:
    out = tmp_path / "data"
    pocket = real_server.spec()
    with scripted_server(written) as server:
        environment = {**real_server.environment, **server.environment}
        done = taught(out, environment, "--writer", server.spec, "--caller", pocket, "--answerer", pocket)
    assert done.code == 0, done.said
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["proposed"] == 16
    assert sum(manifest["accepted"].values()) + sum(manifest["rejections"].values()) == 16
    assert manifest["unexecuted_calls"] == 0
    splits = load_from_disk(out / "traces")
    rows = [row for name in splits for row in splits[name]]
    called = [row for row in rows if row["tool_needed"]]
    assert called, "the model calls"
    for row in called:
        asked, calling, result, answer = row["messages"]
        city = calling["tool_calls"][0]["function"]["arguments"]["city"]
        assert asked["content"] == f"Use find_city with city={city}"
        assert json.loads(result["content"]) == f"{city[:3].upper()}-{len(city)}"
        assert f"{city[:3].upper()}-{len(city)}" in answer["content"]


def test_what_a_real_server_cannot_do_is_dropped_with_a_reason(
    real_server: RealServer, taught: Any, tmp_path: Path
) -> None:
    done = taught(tmp_path / "data", real_server.environment, "--model", real_server.spec())
    assert done.code == 5, done.said
    assert "all 16 proposed traces were rejected (16 format): both replies of the writer are unusable: " in done.err
    replies = (tmp_path / "data.replies" / "ledger.jsonl").read_text().splitlines()
    assert len(replies) == 1 + 2 * 3, "each of three requests twice"
