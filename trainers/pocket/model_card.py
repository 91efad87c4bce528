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

A Gemma 3 text model with 3.1 million parameters. It reads a list of tools and can call a tool. The model ships with
Toolmark. With this model, you can try generation, fine-tuning and judging on any laptop in a few minutes, without a
network. The code path is the same as for `gemma-3-1b-it`. Do not use the model in a product.

## What it is

`Gemma3ForCausalLM`, hidden size 192, 5 layers (full attention and sliding windows of 512 tokens in turn), 3 heads of
64, 1 key-value head, feed-forward 768, tied embeddings, context 8,192, stored in bf16. The tokenizer is a byte-level
BPE of 2,048 tokens, and every digit is a separate token. The chat template has the form of Gemma 3's template. Only
the architecture is from Gemma. Weights, vocabulary and data are not from Gemma.

## How it was made

The model was trained from scratch on {conversations:,} conversations of the mix `pocket` of the template generator:

    {made_by}
    {command}

A program made the conversations from word lists: copying, small talk, JSON, and calls of tools. New tools were invented
for every conversation. The dialects are {dialects}. No text comes from elsewhere or from another model.

| training | |
|---|---|
| budget, chosen in advance | {tokens:,} tokens (with padding) |
| time | {minutes:.0f} minutes on {threads} CPU thread(s) |
| precision | {precision} products, fp32 weights |
| optimizers | Muon and AdamW, with a cosine schedule |
| loss at the end | {loss} on all tokens, {answer_loss} on the tokens that the model writes |

No score of the suites was used to choose data, options or checkpoint. `toolmark.json` contains options, seed, curve and
versions. The SHA-256 of `model.safetensors` is:

    {weights}

## Limits

* The model has no knowledge of the world. It can repeat, rearrange and choose text. It cannot reason or compute.
* On 60 new conversations of the mix `pocket`, in both dialects, the model names the right tool in 44 of 56 calls, and
  38 calls are exactly right. In 28 cases, no tool fits or an argument is missing. The model still makes a call in 22
  of these cases.
* If tools are described in other words than in the mix `pocket`, the model rarely chooses the right tool. The shipped
  cases have such tools.
* The model understands only English sentences like those of its training. Other wordings, several calls at once, and
  nested arguments often fail.
* The rows in training had at most {longest:,} tokens. The model accepts longer prompts, but was not trained on them.
* The model knows only the two dialects above.
* The model was not trained to refuse harmful requests.

## Licence

Apache-2.0, for the weights and for the tokenizer.
"""


def pocket_card(record: WrittenRecord, longest: int) -> str:
    """Return the card in Markdown. The card begins with the metadata for a model hub.

    Args:
        record: The record of the finished training.
        longest: Length of the longest row of the training, in tokens.
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
