"""Tiny GGUF files: random models of a few layers with the vocabulary of `pocket`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

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
    "qkv_proj": "attn_qkv",
    "gate_up_proj": "ffn_up",
    "q_norm": "attn_q_norm",
    "k_norm": "attn_k_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
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


def _add(writer: gguf.GGUFWriter, name: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(name, value)
    elif isinstance(value, int):
        writer.add_uint32(name, value)
    elif isinstance(value, float):
        writer.add_float32(name, value)
    elif isinstance(value, str):
        writer.add_string(name, value)
    elif isinstance(value, list):
        writer.add_array(name, value)


def write_gguf(
    file: Path,
    model: PreTrainedModel,
    pocket: Path,
    *,
    architecture: str = "llama",
    template: str | None = None,
    quantised: gguf.GGMLQuantizationType | None = None,
    changed: Mapping[str, Any] | None = None,
    more: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Write a model as llama.cpp's converter does.

    `template` is the chat template; None stands for pocket's, and an empty string for none. `quantised` is the type of
    the matrices. `changed` are other fields of the architecture; the full name of a field begins with `tokenizer.`.
    None leaves a field out. `more` are more tensors.
    """
    config: Any = model.config
    tokenizer = json.loads((pocket / "tokenizer.json").read_text())
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    special = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    tokens = {number: token for token, number in vocabulary.items()} | special
    writer = gguf.GGUFWriter(file, architecture)
    fields = {
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "block_count": config.num_hidden_layers,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "rope.dimension_count": getattr(config, "head_dim", config.hidden_size // config.num_attention_heads),
        "vocab_size": len(tokens),
        "attention.layer_norm_rms_epsilon": config.rms_norm_eps,
        "rope.freq_base": 10_000.0,
        "tokenizer.ggml.pre": "smollm",
    } | dict(changed or {})
    for name, value in fields.items():
        _add(writer, name if name.startswith(("tokenizer.", "qwen2.")) else f"{architecture}.{name}", value)
    writer.add_tokenizer_model("gpt2")
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
    for name, array in (more or {}).items():
        writer.add_tensor(name, array)
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        parts = name.removesuffix(".weight").split(".")
        array = weight.numpy()
        if architecture.startswith("gemma") and parts[-1].endswith("norm"):
            array = array + 1
        if architecture == "llama" and parts[-1] in ("q_proj", "k_proj"):
            array = _permuted(
                array, config.num_attention_heads if parts[-1] == "q_proj" else config.num_key_value_heads
            )
        names = _NAMES | (
            {"post_attention_layernorm": "post_attention_norm"} if architecture.startswith("gemma") else {}
        )
        written = names[parts[-1]] if "layers" not in parts else f"blk.{parts[2]}.{names[parts[-1]]}"
        if quantised is not None and array.ndim == 2:
            writer.add_tensor(f"{written}.weight", gguf.quants.quantize(array, quantised), raw_dtype=quantised)
        else:
            writer.add_tensor(f"{written}.weight", array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
