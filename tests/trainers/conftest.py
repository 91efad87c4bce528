"""A small trace dataset and a tokenizer, both made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.cases import Call, Message, Tool

WEATHER = Tool(
    name="get_weather",
    description="Tells the weather of a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
CALLED = (
    Message(role="system", content="Be brief."),
    Message(role="user", content="Weather in Łódź?"),
    Message(role="assistant", tool_calls=(Call(name="get_weather", arguments={"city": "Łódź"}),)),
    Message(role="tool", name="get_weather", content='{"sky": "clear", "degrees": 21}'),
    Message(role="assistant", content="Clear, 21 degrees."),
)
COPIED = (Message(role="user", content="Repeat: red 42"), Message(role="assistant", content="red 42"))


@pytest.fixture(scope="session")
def trace_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    datasets = pytest.importorskip("datasets")
    folder = tmp_path_factory.mktemp("traces-of-two-kinds")
    rows = [
        {
            "messages": [message.as_openai() for message in messages],
            "tools": json.dumps([tool.shown() for tool in tools]),
            "query": next(message.content for message in messages if message.role == "user"),
            "query_type": "easy" if tools else "no_tool",
            "tool_name": tools[0].name if tools else None,
            "source": "made/test",
        }
        for messages, tools in ((COPIED, ()), (CALLED, (WEATHER,)))
    ]
    text = datasets.Value("string")
    features = datasets.Features({"messages": datasets.Json(), **dict.fromkeys(list(rows[0])[1:], text)})
    train = datasets.Dataset.from_list(rows * 20, features=features)
    datasets.DatasetDict({"train": train}).save_to_disk(folder / "traces")
    (folder / "manifest.json").write_text('{"seed": 1}')
    return folder


@pytest.fixture(scope="session")
def called() -> tuple[tuple[Message, ...], tuple[Tool, ...]]:
    """A conversation with a call, its result and an answer, and the tools that it offers."""
    return CALLED, (WEATHER,)


@pytest.fixture(scope="session")
def tokenizer():
    pytest.importorskip("transformers")
    from trainers.pocket_tokenizer import train_tokenizer

    return train_tokenizer([message.content for message in CALLED + COPIED] * 5, context=512)
