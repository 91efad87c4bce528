"""Trainer `pocket`: a small Gemma 3 from scratch, on what `toolmark generate template --mix pocket` writes.

The script of one training, from top to bottom: tokenizer, model, data, loop, what is left behind. Nothing is tuned on a
score: one fixed mix of data in its given order, one token budget, one cosine schedule, and the last weights are the
result.

Rows grow with training (512, then 1,024, then 2,048 tokens). Most conversations are short and short rows are fastest;
but a list of twenty tools takes well over a thousand tokens, and a position never trained is a position not learnt.
"""

from __future__ import annotations

import math
import time
from itertools import count, islice
from random import Random
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.conversation_ids import conversation_sequences
from toolmark.benchmark.plugins.protocols import Trained, Training
from toolmark.trainers.checkpoint import Checkpoint, Progress
from toolmark.trainers.curve import Curve
from toolmark.trainers.packing import Packer
from toolmark.trainers.pocket_card import card
from toolmark.trainers.pocket_model import CONTEXT, build_model, save
from toolmark.trainers.pocket_tokenizer import train_tokenizer
from toolmark.trainers.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import torch
    from transformers import Gemma3ForCausalLM, PreTrainedTokenizerFast

    from toolmark.benchmark.dialects import Dialect
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["PocketOptions", "PocketTrainer"]

STAGES = ((512, 0.55), (1024, 0.30), (2048, 0.15))
"""Length of a row in tokens, and the share of the budget that is spent on rows of this length."""

TOKENIZER_SAMPLE = 6000
"""Conversations, evenly spaced over the data, from which the tokenizer learns its merges."""

PLAIN, TAGGED = Json(), Tagged()


class PocketOptions(BaseModel):
    """Options of `toolmark train pocket`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: int = Field(default=16_000_000, ge=1, description="Token budget, padding included.")
    batch_tokens: int = Field(default=4096, ge=2048, multiple_of=2048, description="Tokens of one optimizer step.")
    lr: float = Field(default=3e-3, gt=0, description="Peak learning rate.")
    prompt_weight: float = Field(default=0.1, ge=0, le=1, description="Loss weight of tokens the model only reads.")
    threads: int = Field(default=2, ge=1, description="Threads of torch; one is faster on a machine that is busy.")
    checkpoint_minutes: float = Field(default=3.0, ge=0, description="Minutes between checkpoints.")

    def shaping(self) -> dict[str, float]:
        """The options that shape the weights: a checkpoint belongs to one set of them."""
        return self.model_dump(exclude={"threads", "checkpoint_minutes"})


def dialect_of(seed: int, index: int, with_tools: bool) -> Dialect:
    """The dialect of conversation `index`: an even draw.

    A conversation without tools is always plain: nothing in its prompt says which dialect is spoken, so that two right
    answers to one prompt would be taught.
    """
    if not with_tools:
        return PLAIN
    return Random(f"dialect/{seed}/{index}").choice((PLAIN, TAGGED))  # noqa: S311 - a seeded draw, not a secret


def sequences(data: TraceDataset, tokenizer: PreTrainedTokenizerFast, seed: int) -> Iterator[Encoded]:
    """Encode the conversations of `data` in their order, and start over at their end, with new draws."""
    for epoch in count():
        for index, trace in enumerate(data.traces()):
            dialect = dialect_of(seed + epoch, index, bool(trace.tools))
            yield from conversation_sequences(trace.messages, trace.tools, dialect, tokenizer)


def rendered(data: TraceDataset) -> Iterator[str]:
    """The turns of a sample of `data`, in both dialects: what the tokenizer will have to write down."""
    rows = data.rows()
    step = max(1, len(rows) // TOKENIZER_SAMPLE)
    for index in range(0, len(rows), step):
        trace = data.trace(rows[index])
        for dialect in (PLAIN, TAGGED) if trace.tools else (PLAIN,):
            yield from (message.content for message in dialect.render(trace.messages, trace.tools).messages)


def schedule(tokens: int, batch_tokens: int) -> list[int]:
    """Length of the rows at each step of the whole training."""
    return [length for length, share in STAGES for _ in range(max(1, round(tokens * share / batch_tokens)))]


def make_optimizers(model: Gemma3ForCausalLM, lr: float) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for the matrices inside, AdamW for embeddings and norms.

    Muon (Jordan 2024, https://kellerjordan.github.io/posts/muon) steps in the direction of a matrix's gradient with all
    singular values made equal; scaled to AdamW's step size (Liu et al. 2025, arXiv:2502.16982) both share a learning
    rate. On a million tokens of this data it reached AdamW's final loss after little more than half of them.
    """
    import torch

    inside = {name for name, weight in model.named_parameters() if weight.ndim == 2 and "embed_tokens" not in name}
    matrices = [weight for name, weight in model.named_parameters() if name in inside]
    others = [weight for name, weight in model.named_parameters() if name not in inside]
    return (
        torch.optim.Muon(matrices, lr=lr, momentum=0.95, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.95), weight_decay=0.01, fused=True),
    )


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Linear warm-up over the first 3% of the steps, then a cosine down to 2% of the peak."""
    warmup = max(1, round(0.03 * steps))
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def batches(packer: Packer, lengths: list[int], batch_tokens: int) -> Iterator[tuple[torch.Tensor, ...]]:
    """Token ids, loss weights and answer masks, each of shape (rows, length), for each step of `lengths`."""
    import torch

    for length in sorted(set(lengths)):
        rows = packer.rows(length)
        for _ in range(lengths.count(length)):
            batch = list(islice(rows, batch_tokens // length))
            yield (
                torch.tensor([row.ids for row in batch]),
                torch.tensor([row.weights for row in batch]),
                torch.tensor([row.answer for row in batch]),
            )


def losses(
    model: Gemma3ForCausalLM, ids: torch.Tensor, weights: torch.Tensor, answer: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted mean loss over all tokens (to minimise), and the plain mean over the model's own tokens (to report)."""
    import torch
    from torch.nn.functional import cross_entropy

    with torch.autocast(ids.device.type, torch.bfloat16):
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    loss = cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none").view(ids.shape[0], -1)
    weights, answer = weights[:, 1:], answer[:, 1:]
    return (loss * weights).sum() / weights.sum(), loss.detach()[answer].mean()


class PocketTrainer:
    """Trains the embedded model."""

    name = "pocket"
    Options = PocketOptions
    from_scratch = True

    def train(
        self,
        base: Candidate | None,  # noqa: ARG002 - it starts from nothing
        data: TraceDataset,
        out: Path,
        options: PocketOptions,
        ctx: Training,
    ) -> Trained:
        """Train on the conversations of `data` and write a model directory to `out`.

        A killed training continues when it is run again with the same `out`, and ends with the same weights as one that
        was never killed: the packing is repeated from the seed, and weights and optimizer come from the checkpoint.

        Raises:
            InputError: `out` holds a different training.
        """
        import torch

        out.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(options.threads)
        torch.manual_seed(ctx.seed)

        tokenizer = train_tokenizer(rendered(data), CONTEXT)
        model = build_model(tokenizer).train()
        optimizers = make_optimizers(model, options.lr)
        checkpoint = Checkpoint(out / "resume.pt", {"seed": ctx.seed, "data": data.manifest_hash, **options.shaping()})
        done = checkpoint.load(model, optimizers)
        curve = Curve(out / "curve.jsonl", done.step)

        lengths = schedule(options.tokens, options.batch_tokens)
        packer = Packer(sequences(data, tokenizer, ctx.seed), tokenizer.pad_token_id, options.prompt_weight)
        last = saved = time.monotonic()
        for ids, weights, answer in islice(batches(packer, lengths, options.batch_tokens), done.step, None):
            lr = learning_rate(done.step, len(lengths), options.lr)
            for group in (group for optimizer in optimizers for group in optimizer.param_groups):
                group["lr"] = lr
            loss, answer_loss = losses(model, ids, weights, answer)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()

            now = time.monotonic()
            done = Progress(done.step + 1, done.tokens + ids.numel(), done.seconds + now - last)
            point = {
                "step": done.step,
                "tokens": done.tokens,
                "loss": round(loss.item(), 4),
                "answer_loss": round(answer_loss.item(), 4),
                "lr": round(lr, 7),
                "tokens_per_s": round(ids.numel() / (now - last)),
            }
            last = now
            curve.add(point)
            ctx.log(point)
            if now - saved >= 60 * options.checkpoint_minutes:
                save(model, tokenizer, out)
                checkpoint.save(model, optimizers, done)
                saved = now

        save(model, tokenizer, out)
        checkpoint.path.unlink(missing_ok=True)
        return Trained(
            dialects=(PLAIN.name, TAGGED.name),
            tokens=done.tokens,
            seconds=done.seconds,
            losses=curve.final("loss", "answer_loss"),
            curve=curve.sample(),
            tools_made_by="the mix pocket, anew for each conversation",
        )

    def card(self, record: Record) -> str:
        """The `README.md` beside the weights."""
        return card(record, longest=STAGES[-1][0])
