"""A real model, SmolLM2 with 135M parameters, from a GGUF file that pip installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tests.forked.commands import Commands
from tests.trainers.made import TOOLS, dataset, traces
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.encoding import encode, stop_ids
from toolmark.benchmark.engine.local_engine import LocalEngine
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.engine.tokenizer import open_tokenizer, text_of

pytestmark = pytest.mark.slow

MODEL = "smollm2-135m-instruct-q4"
TOKENS = 24
QUESTIONS = (
    "What is the capital of France?",
    "Find a boat named Ada.",
    "Write one sentence about lamps.",
    "Sell the lamp of my uncle Bo, please.",
    "Count from 1 to 5.",
    "Hello.",
)


@pytest.fixture(scope="module")
def base() -> Path:
    try:
        return locate(resolve(MODEL)).base
    except EnvironmentFault as error:
        pytest.skip(str(error))


def answers(weights: Weights) -> list[str]:
    engine = LocalEngine(weights.base, Decoding(max_tokens=TOKENS), device="cpu", dtype="float32", threads=1)
    engine.set_adapter(weights.adapter)
    engine.prepare([Tagged().render([Message(role="user", content=text)], TOOLS) for text in QUESTIONS], Tagged())
    found = dict(engine.answer(range(len(QUESTIONS))))
    return [found[index].text for index in range(len(QUESTIONS))]


def one_by_one(model: Any, tokenizer: Any) -> list[str]:
    """transformers' own greedy loop, a prompt at a time."""
    texts = []
    stops = [*stop_ids(tokenizer, model.generation_config.eos_token_id)]
    for text in QUESTIONS:
        prompt = Tagged().render([Message(role="user", content=text)], TOOLS)
        ids = torch.tensor([encode(prompt, tokenizer).ids])
        with torch.inference_mode():
            output = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=TOKENS, do_sample=False, eos_token_id=stops
            )
        texts.append(text_of(tokenizer, [token for token in output[0, ids.shape[1] :].tolist() if token not in stops]))
    return texts


def test_the_engine_writes_what_generate_writes(base: Path) -> None:
    found = answers(Weights(base))
    assert found == one_by_one(AutoModelForCausalLM.from_pretrained(base).eval(), open_tokenizer(base))
    assert "Paris" in found[0]
    assert len(set(found)) == len(QUESTIONS)


def test_a_training_is_resumed_and_its_adapter_merged(base: Path, dev: Path, tmp_path: Path, warm: Commands) -> None:
    """Ten steps. The training is killed while it writes its second checkpoint, and started again."""
    everything = traces(24)
    data = dataset(tmp_path / "data", everything[:20], everything[20:])
    out, merged = tmp_path / "adapter", tmp_path / "merged"
    flags = ["--r", "8", "--epochs", "1", "--batch", "2", "--accumulation", "1", "--score-every", "5", "--lr", "1e-3"]
    flags += ["--threads", "1", "--precision", "float32", "--shares", "{}", "--dev", str(dev), "--dev-limit", "2"]
    command = ["train", "lora", "--base", MODEL, "--data", str(data), "--out", str(out), "--dialect", "tagged", *flags]
    second = "*/checkpoint-10/trainer_state.json"
    killed = warm.start("toolmark", *command, "--max-tokens", "24", kill_at=second).wait(1200)
    assert killed.code is None, killed.said
    done = warm.start("toolmark", *command, "--max-tokens", "24").wait(1200)
    assert done.code == 0, done.said
    assert "Resuming at step 5 of 10" in done.said
    record = WrittenRecord.read(out)
    assert record.base is not None
    assert (record.base.id, record.curve[-1]["step"]) == (MODEL, 10)
    losses = [point["loss"] for point in record.curve if "loss" in point]
    assert len(losses) == 10
    assert losses[-1] < 0.5 * losses[0], losses
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == MODEL

    ended = warm.start("toolmark", "models", "merge", f"{MODEL}:{out}", "--out", str(merged)).wait(1200)
    assert ended.code == 0, ended.said
    assert "quantization_config" not in json.loads((merged / "config.json").read_text())
    weights, before = load_file(merged / "model.safetensors"), load_file(base / "model.safetensors")
    assert weights.keys() == before.keys()
    with_adapter = answers(Weights(base, out))
    assert with_adapter == answers(Weights(merged))
    assert with_adapter != answers(Weights(base))
