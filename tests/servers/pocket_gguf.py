"""Writes a model of `pocket`'s shape as a GGUF file, so that llama.cpp's server can run it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["write_gguf"]

_NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_NORMAL, _CONTROL = 1, 3
"""Kinds of tokens in a GGUF file."""


def write_gguf(
    folder: Path, out: Path, *, template: str | None = None, kind: str = "f32", settings: dict[str, Any] | None = None
) -> Path:
    """Write a model directory as a GGUF file, and return its path.

    llama.cpp can begin a pattern of attention windows only with a windowed layer, and pocket begins with a full one.
    So the file has one more layer in front. It adds nothing to the residual, because its weights are zero.

    Args:
        folder: A model directory with pocket's shape.
        out: The file to write.
        template: The chat template. None for the template of the directory.
        kind: How matrices are stored: f32, f16 or a quantisation that `gguf.quants` can write, such as q8_0.
        settings: Changed values of `add_bos_token`, `eos_token_id` and `eot_token_id`. `control` says whether special
            tokens are stored as special tokens.
    """
    import gguf
    import numpy as np
    from safetensors.torch import load_file

    config = json.loads((folder / "config.json").read_text())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    chosen = {"add_bos_token": True, "eos_token_id": 1, "eot_token_id": 4, "control": True} | (settings or {})
    writer = gguf.GGUFWriter(out, "gemma3")
    writer.add_name("pocket")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"] + 1)
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["full_attention"]["rope_theta"])
    writer.add_rope_freq_base_swa(config["rope_parameters"]["sliding_attention"]["rope_theta"])
    writer.add_sliding_window(config["sliding_window"])
    writer.add_sliding_window_pattern(2)
    writer.add_file_type({"f32": 0, "f16": 1, "q8_0": 7, "q4_0": 2}[kind])

    vocabulary = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].__getitem__)
    control = {one["content"] for one in tokenizer["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")  # single digits, and then the pattern of GPT-2
    writer.add_token_list(vocabulary)
    writer.add_token_types([_CONTROL if token in control and chosen["control"] else _NORMAL for token in vocabulary])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(chosen["eos_token_id"])
    if chosen["eot_token_id"] is not None:
        writer.add_eot_token_id(chosen["eot_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_add_bos_token(chosen["add_bos_token"])
    writer.add_add_space_prefix(False)
    writer.add_chat_template(template or (folder / "chat_template.jinja").read_text())

    def add(name: str, weight: Any) -> None:
        plain = weight.float().numpy()
        if name.endswith("norm.weight"):
            plain = plain + 1  # Gemma multiplies by the weight plus one.
        if plain.ndim < 2 or kind == "f32":
            writer.add_tensor(name, np.ascontiguousarray(plain))
            return
        stored = getattr(gguf.GGMLQuantizationType, kind.upper())
        writer.add_tensor(name, gguf.quants.quantize(plain, stored), raw_dtype=stored)

    weights = load_file(folder / "model.safetensors")
    add("token_embd.weight", weights["model.embed_tokens.weight"])
    add("output_norm.weight", weights["model.norm.weight"])
    for theirs, ours in _NAMES.items():
        for layer in range(config["num_hidden_layers"]):
            add(f"blk.{layer + 1}.{ours}.weight", weights[f"model.layers.{layer}.{theirs}.weight"])
        add(f"blk.0.{ours}.weight", weights[f"model.layers.0.{theirs}.weight"] * 0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out
