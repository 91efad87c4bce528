"""Padded batches, for a model whose attention cannot be replaced: the tokens are right, and the work is reported."""

from __future__ import annotations

import random

import torch
from transformers import AutoModelForCausalLM, Gemma2Config, GenerationConfig

from toolmark.benchmark.engine.generation_progress import GenerationProgress
from toolmark.benchmark.engine.padded_batches import write_padded

STOPS = [*range(12)]


def test_answers_of_padded_batches_are_those_of_single_prompts_and_are_reported():
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=97,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        query_pre_attn_scalar=8,
        sliding_window=40,
        attn_logit_softcapping=0.5,
    )
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    for weight in model.parameters():
        weight.data *= 3
    draw = random.Random(1)
    prompts = {index: [draw.randrange(10, 97) for _ in range(draw.randint(3, 30))] for index in range(8)}

    def written(rows, progress=None):
        choice = GenerationConfig(max_new_tokens=110, do_sample=False, eos_token_id=STOPS, pad_token_id=3)
        return dict(write_padded(rows, model, choice, progress))

    forecasts = []
    progress = GenerationProgress(len(prompts), forecasts.append)
    found = written(prompts, progress)
    for index in list(prompts)[:3]:
        assert found[index] == written({index: prompts[index]})[index]
    settings = {"repetition_penalty": 5.0, "num_beams": 3, "no_repeat_ngram_size": 1, "suppress_tokens": found[0][:1]}
    model.generation_config = own = GenerationConfig(**settings)
    assert written({0: prompts[0]})[0] == found[0], "the settings of the model's folder are not used"
    assert model.generation_config is own
    assert {len(tokens) for tokens in found.values()} > {110}, "some end by themselves, and some in the second round"
    tokens = sum(map(len, prompts.values()))
    assert progress.line().startswith("100%, about 0 s left, 8 of 8 answered, ")
    assert progress.line().endswith(f", {tokens} of {tokens} prompt tokens read")
    assert [forecast.cases for forecast in forecasts] == [8]
