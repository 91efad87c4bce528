"""The model card of `pocket`, written from its record and its tokenizer alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolmark.trainers.record import Record

__all__ = ["card"]

_CARD = """\
---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
tags: [tool-calling, gemma3, test-model]
---

# pocket

A Gemma 3 text model of 3.1 million parameters that can be told a list of tools and call one. It is small enough to ship
with Toolmark, so that scoring, fine-tuning and judging run on any laptop, offline, in minutes, on the code path of
`gemma-3-1b-it`. It is an instrument for trying the harness, and nothing to build a product on.

## What it is

`Gemma3ForCausalLM`, hidden size 192, 5 layers (full attention and sliding windows of 512 tokens in turn), 3 heads of
64, 1 key-value head, feed-forward 768, tied embeddings, context 8,192, stored in bf16. The tokenizer is a byte-level
BPE of 2,048 tokens with single digits; the chat template has the form of Gemma 3's. Only the architecture is Gemma's:
no weights, no vocabulary, no data.

## How it was made

From scratch, on {conversations:,} conversations of the mix `pocket`, in their order:

    {made_by}
    {command}

The data are made by program from word lists: copying, small talk, JSON, and calls of tools that are invented anew for
each conversation, in the dialects {dialects}. No text was collected from elsewhere, and no model is asked
for any. One training with a fixed budget: {tokens:,} tokens in {minutes:.0f} minutes, {threads} CPU thread(s), bf16
products over fp32 weights, Muon and AdamW, cosine schedule. Final loss {loss}, on the model's own tokens {answer_loss}.
No score of a suite was looked at to choose data, options or checkpoint. `toolmark.json` holds options, seed, curve,
versions and the SHA-256 of `model.safetensors`:

    {weights}

## Limits

* It knows nothing of the world. It repeats, rearranges and picks; it does not reason, compute or remember facts.
* On 60 fresh conversations of its own mix, in both dialects, it names the right tool in 44 of 56 calls and writes 38
  of them exactly; where a request fits no tool or leaves something out, it calls all the same in 22 of 28. Tools in
  other words than the mix's, as the shipped cases have them, it hardly ever chooses rightly.
* It reads English sentences of the kinds it was trained on. Another wording, several calls at once, or nested
  arguments often fail.
* Its training rows were at most {longest:,} tokens long. Longer prompts fit, but it was never shown one.
* It knows no dialect but the two above. Teaching it another is what Toolmark's demonstration does.
* It was trained to refuse nothing.

## Licence

Apache-2.0, weights and tokenizer alike.
"""


def card(record: Record, longest: int) -> str:
    """The card in Markdown, with the metadata of a model hub on top.

    Args:
        record: The finished training.
        longest: Longest row of the training in tokens.
    """
    return _CARD.format(
        command=record.command,
        conversations=record.data.conversations,
        made_by=record.data.made_by or "toolmark generate template --mix pocket --out DIR",
        dialects=" and ".join(f"`{name}`" for name in record.dialects),
        tokens=record.tokens,
        minutes=record.seconds / 60,
        threads=record.options["threads"],
        loss=record.losses["loss"],
        answer_loss=record.losses["answer_loss"],
        weights=record.weights_sha256,
        longest=longest,
    )
