"""A small trace dataset and a tokenizer, both made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trainers.made import TOOLS, dataset, traces
from toolmark.benchmark.data.cases import Call, Message, Tool

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
    from toolmark.trainers.pocket.tokenizer import train_tokenizer

    return train_tokenizer([message.content for message in CALLED + COPIED] * 5, context=512)


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    everything = traces()
    return dataset(tmp_path_factory.mktemp("data") / "mine", everything[:20], everything[20:])


@pytest.fixture(scope="session")
def base(pocket, tmp_path_factory) -> Path:
    """A Gemma 3 of two layers that reads with the tokenizer of `pocket`."""
    folder = tmp_path_factory.mktemp("base") / "tiny"
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, Gemma3TextConfig

    torch.manual_seed(0)
    config = Gemma3TextConfig(
        vocab_size=2048,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        sliding_window=64,
        layer_types=["sliding_attention", "full_attention"],
        max_position_embeddings=1024,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    AutoTokenizer.from_pretrained(pocket).save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def dev(tmp_path_factory) -> Path:
    """Two cases to choose checkpoints by."""
    folder = tmp_path_factory.mktemp("dev")
    tools = [tool.model_dump(mode="json", exclude_none=True) for tool in TOOLS]
    common = {"toolbox": tools, "split": "dev", "licence": "CC0-1.0"}
    call = {"name": "find_boat", "arguments": {"name": ["Ada"]}}
    cases = [
        {
            "messages": [{"role": "user", "content": "Find a boat named Ada."}],
            "expect": {"action": "call", "any_of": [{"calls": [call]}]},
            "source": {"name": "made", "ref": "1"},
        },
        {
            "messages": [{"role": "user", "content": "Hello."}],
            "expect": {"action": "abstain", "reason": "no_tool_needed"},
            "source": {"name": "made", "ref": "2"},
        },
    ]
    (folder / "few.dev.jsonl").write_text("".join(json.dumps(common | case) + "\n" for case in cases))
    (folder / "few.test.jsonl").write_text("no case may be read here")
    return folder


@pytest.fixture(scope="session")
def adapter(base, data, dev, tmp_path_factory) -> Path:
    """A LoRA adapter of `base`, from which other trainings start."""
    from toolmark.trainers.finetuning.options import LoraOptions
    from toolmark.trainers.host import run_training
    from toolmark.trainers.lora import LoraTrainer
    from toolmark.trainers.training_job import TrainingJob

    out = tmp_path_factory.mktemp("adapter") / "start"
    job = TrainingJob(data=data, out=out, base=str(base), dialect="tagged", dev=str(dev), dev_limit=2, max_tokens=16)
    options = LoraOptions(r=4, epochs=2, shares={}, threads=1, precision="float32", lr=1e-2)
    run_training(LoraTrainer(), job, options, lambda _: None, lambda _: None)
    return out
