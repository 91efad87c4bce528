"""Sets those settings of a GGUF model that transformers does not read.

For Gemma 3, transformers always assumes that every sixth layer sees the whole prompt, and that heads have 256 numbers.
A model with other settings would compute other answers, and no error would be shown.

Source: `llama_model_gemma3::load_arch_hparams` in https://github.com/ggml-org/llama.cpp/tree/master/src/models
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolmark.benchmark.candidates.gguf_header import GgufHeader

if TYPE_CHECKING:
    from transformers import PretrainedConfig

__all__ = ["complete"]

_LAYERS_OF_27B = 62


def complete(config: PretrainedConfig, header: GgufHeader) -> None:
    """Set the pattern of attention windows and the scale of the attention, as llama.cpp does.

    Args:
        config: The configuration that transformers made. It is changed.
        header: The header of the GGUF file.
    """
    fields: Any = header.fields
    if fields.get("general.architecture") != "gemma3":
        return
    text: Any = config.get_text_config()
    pattern = fields.get("gemma3.attention.sliding_window_pattern", 6)
    if isinstance(pattern, int) and pattern > 0:
        text.layer_types = [
            "full_attention" if layer % pattern == pattern - 1 else "sliding_attention"
            for layer in range(text.num_hidden_layers)
        ]
    of_27b = text.num_hidden_layers == _LAYERS_OF_27B
    text.query_pre_attn_scalar = text.hidden_size // text.num_attention_heads if of_27b else text.head_dim
