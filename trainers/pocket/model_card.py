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

A Gemma 3 text model of 3.1 million parameters that reads a list of tools and can call one. It ships with Toolmark, so
that scoring, fine-tuning and judging run on any laptop, offline, in minutes, on the code path of `gemma-3-1b-it`. It is
made for trying out the harness. Do not build a product on it.

## What it is

`Gemma3ForCausalLM`, hidden size 192, 5 layers (full attention and sliding windows of 512 tokens in turn), 3 heads of
64, 1 key-value head, feed-forward 768, tied embeddings, context 8,192, stored in bf16. The tokenizer is a byte-level
BPE of 2,048 tokens with single digits; the chat template has the form of Gemma 3's. Only the architecture is Gemma's:
no weights, no vocabulary, no data.

## How it was made

From scratch, on {conversations:,} conversations of the template generator's mix `pocket`, in their order:

    {made_by}
    {command}

A program makes the data from word lists: copying, small talk, JSON, and calls of tools that are invented anew for each
conversation, in the dialects {dialects}. No text comes from elsewhere or from another model. One training
with a fixed budget: {tokens:,} tokens in {minutes:.0f} minutes, {threads} CPU thread(s), {precision}
products over fp32 weights, Muon and AdamW, cosine schedule. Final loss {loss}, on the model's own tokens {answer_loss}.
Data, options and checkpoint were not chosen by scores of the suites. `toolmark.json` contains options, seed, curve,
versions and the SHA-256 of `model.safetensors`:

    {weights}

## Limits

* It has no knowledge of the world. It repeats, rearranges and chooses; it does not reason, compute or remember facts.
* On 60 new conversations of the mix `pocket`, in both dialects, it names the right tool in 44 of 56 calls, and 38
  calls are exactly right. If a request fits no tool or lacks an argument, it still calls in 22 of 28 cases. It rarely
  chooses the right tool among tools that are described in other words, such as those of the shipped cases.
* It reads English sentences of the kinds it was trained on. Other wordings, several calls at once, or nested arguments
  often fail.
* Its training rows had at most {longest:,} tokens. It accepts longer prompts, but it was not trained on them.
* It knows only the two dialects above.
* It was not trained to refuse harmful requests.

## Licence

Apache-2.0, weights and tokenizer alike.
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
