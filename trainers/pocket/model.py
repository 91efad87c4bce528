"""The architecture of `pocket`: a Gemma 3 with 3.1M parameters.

Layers with full attention and layers with sliding windows alternate, as in every Gemma 3. The first and the last layer
have full attention, because only full attention can copy from the beginning of a long prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolmark.trainers.pocket.tokenizer import VOCABULARY

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import Gemma3ForCausalLM, PreTrainedTokenizerFast

__all__ = ["CONTEXT", "build_model", "save_model"]

CONTEXT = 8192
"""Length of the longest sequence in tokens. This is enough for a prompt with 40 tools and an answer of 512 tokens."""


def build_model(tokenizer: PreTrainedTokenizerFast) -> Gemma3ForCausalLM:
    """Make the untrained model. It has 3.1M parameters in five layers."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig, GenerationConfig

    special = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config = Gemma3TextConfig(
        vocab_size=VOCABULARY,
        hidden_size=192,
        intermediate_size=768,
        num_hidden_layers=5,
        num_attention_heads=3,
        num_key_value_heads=1,
        head_dim=64,
        query_pre_attn_scalar=64,
        max_position_embeddings=CONTEXT,
        sliding_window=512,
        layer_types=[f"{'sliding' if layer % 2 else 'full'}_attention" for layer in range(5)],
        tie_word_embeddings=True,
        **special,
    )
    model = Gemma3ForCausalLM(config)
    end_of_turn = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, **{**special, "eos_token_id": [tokenizer.eos_token_id, end_of_turn]}
    )
    return model


def save_model(model: Gemma3ForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Write a model directory to `out`. It contains bf16 safetensors, configuration and tokenizer."""
    import copy

    copy.deepcopy(model).bfloat16().save_pretrained(out)
    tokenizer.save_pretrained(out)
