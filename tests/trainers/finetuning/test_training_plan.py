"""The size of a forward pass follows the memory that the model needs for each token, and does not change later."""

import pytest
import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

from toolmark.trainers.finetuning.options import LoraOptions
from toolmark.trainers.finetuning.training_plan import kept_bytes, training_plan


def model(layers: int) -> torch.nn.Module:
    sizes = {"hidden_size": 64, "intermediate_size": 256, "num_attention_heads": 4, "num_key_value_heads": 1}
    return Gemma3ForCausalLM(Gemma3TextConfig(vocab_size=300, num_hidden_layers=layers, head_dim=16, **sizes))


def bytes_of_a_token(layers: int, precision: str = "float32") -> float:
    made = model(layers)
    return (kept_bytes(made, 256, precision) - kept_bytes(made, 64, precision)) / 192


def test_a_token_needs_memory_in_every_layer_and_less_in_bfloat16():
    few, many = bytes_of_a_token(4), bytes_of_a_token(8)
    hidden = 4 * 64  # a layer keeps its input, at least
    assert many - few > 4 * hidden
    assert bytes_of_a_token(12) - many == pytest.approx(many - few, rel=0.01)
    assert bytes_of_a_token(8, "bfloat16") < 0.9 * many


def test_a_resumed_training_keeps_its_first_plan(tmp_path):
    def planned(pass_tokens: int | None):
        options = LoraOptions(threads=1, precision="float32", pass_tokens=pass_tokens)
        return training_plan(tmp_path, model(2), 1024, options, "cpu")

    first = planned(None)
    assert 1 < first.pass_tokens <= 32_768
    assert planned(100) == first
