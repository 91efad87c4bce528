"""Writes the model card of `pocket` from the training record."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolmark.benchmark.data.record import WrittenRecord

__all__ = ["pocket_card"]

_CARD = """\
---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
tags: [tool-calling, gemma3, test-model]
---

# pocket

`pocket` is a Gemma 3 text model with 3.1 million parameters, and is part of Toolmark. The model can read a list of
tools and call a tool. With `pocket`, you can try generation, fine-tuning and judging without a network, in a few
minutes. Do not use `pocket` in a product.

## What it is

| property | value |
|---|---|
| class | `Gemma3ForCausalLM` |
| hidden size | 192 |
| layers | 5, with full attention and sliding windows of 512 tokens in turn |
| attention | 3 heads of size 64, 1 key-value head |
| feed-forward size | 768 |
| embeddings | tied |
| context | 8,192 tokens |
| stored precision | bfloat16 |
| tokenizer | byte-level BPE with 2,048 tokens; every digit is a separate token |
| chat template | the form of Gemma 3's template |

Only the architecture is from Gemma. Weights, vocabulary and data are not from Gemma.

## How it was made

The model was trained from scratch on {conversations:,} conversations of the mix `pocket` of the template generator:

    {made_by}
    {command}

A program made the conversations from word lists. The conversations contain copying, small talk, JSON, and calls of
tools. Each conversation has new, invented tools. The dialects are {dialects}. No text comes from another source or
from another model.

| training | |
|---|---|
| number of tokens, chosen before the training | {tokens:,} tokens (with padding) |
| time | {minutes:.0f} minutes on {threads} CPU thread(s) |
| precision | {precision} products, fp32 weights |
| optimizers | Muon and AdamW, with a cosine schedule |
| loss at the end | {loss} on all tokens, {answer_loss} on the tokens that the model writes |

Data, options and checkpoint were chosen without the scores of the suites. `toolmark.json` contains the options, the
seed, the training curve and the versions. The SHA-256 of `model.safetensors` is:

    {weights}

## Limits

* The model has no knowledge of the world. It can copy, rearrange and choose text. It cannot reason or compute.
* The model understands only English sentences that are similar to its training data. It often fails with other
  wordings, with several calls in one answer, and with nested arguments.
* The rows in training had at most {longest:,} tokens. The model also accepts longer prompts, but was not
  trained on them.
* The model knows only the dialects {dialects}.
* The model was not trained to refuse harmful requests.

## Licence

Apache-2.0, for the weights and for the tokenizer.
"""


def pocket_card(record: WrittenRecord, longest: int) -> str:
    """Return the model card in Markdown, with the metadata for a model hub at the beginning.

    Args:
        record: The record of the finished training.
        longest: Number of tokens of the longest row in the training.
    """
    return _CARD.format(
        command=record.command,
        conversations=record.data.conversations,
        made_by=record.data.made_by or "toolmark generate template --mix pocket --out DIR",
        dialects=" and ".join(f"`{name}`" for name in record.dialects),
        tokens=record.tokens,
        minutes=record.seconds / 60,
        threads=record.options["threads"],
        precision=record.options["precision"],
        loss=record.losses["loss"],
        answer_loss=record.losses["answer_loss"],
        weights=record.weights_sha256,
        longest=longest,
    )
