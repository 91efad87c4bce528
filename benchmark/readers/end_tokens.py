"""Removes the token with which a model ended its turn from the end of a recorded text.

The marks of some dialects are special tokens, for example `[TOOL_CALLS]`. Whoever records such a text must keep special
tokens, and then the end token stays in the text, too. Toolmark's own engine never keeps it.
"""

from __future__ import annotations

__all__ = ["without_end_token"]

_END_TOKENS: tuple[str, ...] = (
    *("<|im_end|>", "<|endoftext|>"),  # Qwen, Hermes, SmolLM, Kimi, LFM2
    *("<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|eot|>", "<|eom|>"),  # Llama 3 and 4, Granite
    *("<end_of_turn>", "<turn|>", "<eos>"),  # Gemma
    *("<start_function_response>", "<|tool_response>"),  # FunctionGemma, Gemma 4: a result would follow
    *("<｜end▁of▁sentence｜>", "<|observation|>", "<|user|>"),  # DeepSeek, GLM
    *(
        "<|END_OF_TURN_TOKEN|>",
        "[|endofturn|]",
        "<eoa>",
        "[e~[",
        "<seed:eos>",
    ),  # Command, EXAONE, InternLM, MiniMax, Seed
)
"""The end tokens of families, from the files `generation_config.json` and `tokenizer_config.json` of their models."""
_AFTER_END: tuple[str, ...] = (*_END_TOKENS, "<pad>", "<|finetune_right_pad_id|>", "[PAD]")
"""The tokens that can follow an end token, because short texts of a batch are filled."""
_MISTRAL, _PHI = "</s>", "<|end|>"


def without_end_token(text: str) -> tuple[str, bool]:
    """Return a text without the end token at its end, and whether there was such a token.

    The end token can be repeated, and padding tokens can follow it. White-space can stand between these tokens. A token
    in any other place stays, so a strict reading still refuses the text after it.

    Two end tokens have another meaning in some texts, and then they stay: `</s>` also closes the HTML element `<s>`,
    and `<|end|>` also ends a message of gpt-oss, which has `<|message|>`.
    """
    ends, filled = _END_TOKENS, _AFTER_END
    for token, other in ((_MISTRAL, "<s>"), (_PHI, "<|message|>")):
        if other not in text:
            ends, filled = (*ends, token), (*filled, token)
    end = kept = len(text)
    while True:
        while end and text[end - 1].isspace():
            end -= 1
        found = next((token for token in filled if text.endswith(token, 0, end)), None)
        if found is None:
            return text[:kept], kept < len(text)
        end -= len(found)
        if found in ends:
            kept = end
