"""The shape of `pocket`: Gemma 3's architecture at 3.1M parameters.

Full attention and sliding windows alternate, as in every Gemma 3, beginning and ending with full attention: a model of
five layers copies over long distances only in its full ones, and a prompt with many tools is long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolmark.trainers.pocket.tokenizer import VOCABULARY

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import Gemma3ForCausalLM, PreTrainedTokenizerFast

__all__ = ["CONTEXT", "build_model", "save"]

CONTEXT = 8192
"""Longest sequence in tokens: forty tools and an answer of 512 tokens fit."""


def build_model(tokenizer: PreTrainedTokenizerFast) -> Gemma3ForCausalLM:
    """An untrained model of 3.1M parameters: five layers, full attention first and last, sliding windows between."""
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


def save(model: Gemma3ForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Write a loadable model to `out`: bf16 safetensors, configuration, tokenizer."""
    import copy

    copy.deepcopy(model).bfloat16().save_pretrained(out)
    tokenizer.save_pretrained(out)
