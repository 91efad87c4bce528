"""Tiny GGUF files: a random Llama of two layers with the vocabulary of `pocket`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

__all__ = ["random_llama", "write_gguf"]

_NAMES = {
    "embed_tokens": "token_embd",
    "lm_head": "output",
    "norm": "output_norm",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}


def random_llama() -> LlamaForCausalLM:
    """A model of 0.3M parameters, with different weights in every layer."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=2048,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        rms_norm_eps=1e-5,
        initializer_range=0.3,
        bos_token_id=2,
        eos_token_id=1,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).eval()


def _permuted(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of queries and keys in llama.cpp's order: the two numbers that a rotation turns are neighbours."""
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, weight.shape[1])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def write_gguf(
    file: Path,
    model: LlamaForCausalLM,
    pocket: Path,
    *,
    architecture: str = "llama",
    template: str | None = None,
    quantised: gguf.GGMLQuantizationType | None = None,
    changed: Mapping[str, Any] | None = None,
) -> Path:
    """Write a model as llama.cpp's converter does.

    `template` is the chat template; None stands for pocket's, and an empty string for none. `quantised` is the type of
    the matrices. `changed` are other numbers of the header.
    """
    config = model.config
    tokenizer = json.loads((pocket / "tokenizer.json").read_text())
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    special = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    tokens = {number: token for token, number in vocabulary.items()} | special
    writer = gguf.GGUFWriter(file, architecture)
    numbers = {
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "block_count": config.num_hidden_layers,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "rope.dimension_count": config.head_dim,
        "vocab_size": len(tokens),
    } | dict(changed or {})
    for name, number in numbers.items():
        writer.add_uint32(f"{architecture}.{name}", number)
    writer.add_float32(f"{architecture}.attention.layer_norm_rms_epsilon", config.rms_norm_eps)
    writer.add_float32(f"{architecture}.rope.freq_base", 10_000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([tokens[number] for number in range(len(tokens))])
    writer.add_token_types([3 if number in special else 1 for number in range(len(tokens))])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    for name in ("bos", "eos", "pad"):
        writer.add_uint32(
            f"tokenizer.ggml.{name.replace('pad', 'padding')}_token_id", getattr(config, f"{name}_token_id")
        )
    chosen = (pocket / "chat_template.jinja").read_text() if template is None else template
    if chosen:
        writer.add_chat_template(chosen)
    for name, weight in model.state_dict().items():
        parts = name.removesuffix(".weight").split(".")
        array = weight.numpy()
        if parts[-1] in ("q_proj", "k_proj"):
            array = _permuted(
                array, config.num_attention_heads if parts[-1] == "q_proj" else config.num_key_value_heads
            )
        written = _NAMES[parts[-1]] if "layers" not in parts else f"blk.{parts[2]}.{_NAMES[parts[-1]]}"
        if quantised is not None and array.ndim == 2:
            writer.add_tensor(f"{written}.weight", gguf.quants.quantize(array, quantised), raw_dtype=quantised)
        else:
            writer.add_tensor(f"{written}.weight", array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
