"""The tokenizer of `pocket`: a byte-level BPE with 2,048 tokens and the turn markers of Gemma 3.

The tokenizer works on bytes, so decoding restores every Unicode string exactly. This is needed to judge copied
arguments. Every digit is a separate token, so the model copies a number digit by digit.

The turn markers and the chat template work as in Gemma 3:

- The template writes BOS, and the tokenizer adds a second BOS. So the caller must encode without special tokens.
- There is no system role.
- User and assistant must alternate.

As a result, the embedded model uses the same code path as `gemma-3-1b-it`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from transformers import PreTrainedTokenizerFast

__all__ = ["CHAT_TEMPLATE", "VOCABULARY", "train_tokenizer"]

VOCABULARY = 2048
"""Number of tokens in the vocabulary: the special tokens, the 256 bytes, and the merges."""

SPECIAL = ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>")
"""The special tokens in the order of their ids, from 0. `<unk>` is not needed, because every byte has a token."""

CHAT_TEMPLATE = """\
{{- bos_token -}}
{%- if messages[0]['role'] == 'system' -%}
    {%- set preface = messages[0]['content'] | trim + '\\n\\n' -%}
    {%- set turns = messages[1:] -%}
{%- else -%}
    {%- set preface = '' -%}
    {%- set turns = messages -%}
{%- endif -%}
{%- for turn in turns -%}
    {%- if turn['role'] != ['user', 'assistant'][loop.index0 % 2] -%}
        {{- raise_exception('turns must alternate between user and assistant, the user first') -}}
    {%- endif -%}
    {{- '<start_of_turn>' + ('model' if turn['role'] == 'assistant' else 'user') + '\\n' -}}
    {{- (preface if loop.first else '') + turn['content'] | trim + '<end_of_turn>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<start_of_turn>model\\n' -}}
{%- endif -%}
"""


def train_tokenizer(texts: Iterable[str], context: int) -> PreTrainedTokenizerFast:
    """Return a tokenizer of transformers, with merges that are learned from `texts`.

    Args:
        texts: Rendered turns, in the form that the model will read.
        context: Length of the longest sequence of the model, in tokens.
    """
    from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers, processors
    from tokenizers.models import BPE
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\p{N}"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    bos = tokenizer.token_to_id("<bos>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B", special_tokens=[("<bos>", bos)]
    )
    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        **{f"{token.strip('<>')}_token": token for token in SPECIAL[:3]},
        additional_special_tokens=list(SPECIAL[3:]),
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped
