"""Trainer `pocket`: trains a small Gemma 3 from scratch on data of `toolmark generate template --mix pocket`.

No choice depends on a score. The data, the order of the data, the number of tokens and the schedule are fixed. The
weights after the last step are the result.

The rows have first 512 tokens, then 1,024 and then 2,048. Short rows are faster, and most conversations are short. But
a list of twenty tools has more than a thousand tokens. Long rows are needed, because a model learns only positions that
occur in training.
"""

from __future__ import annotations

import math
import time
from itertools import count, islice
from random import Random
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.conversation_ids import conversation_sequences
from toolmark.benchmark.plugins.protocols import BaseTrainer, Trained, Training
from toolmark.trainers.pocket.model import CONTEXT, build_model, save_model
from toolmark.trainers.pocket.model_card import pocket_card
from toolmark.trainers.pocket.resume_file import Progress, ResumeFile
from toolmark.trainers.pocket.row_packing import RowPacker
from toolmark.trainers.pocket.tokenizer import train_tokenizer
from toolmark.trainers.pocket.training_curve import TrainingCurve
from toolmark.trainers.precision_choice import choose_precision

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import torch
    from transformers import Gemma3ForCausalLM, PreTrainedTokenizerFast

    from toolmark.benchmark.dialects import Dialect
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["PocketOptions", "PocketTrainer"]

STAGES = ((512, 0.55), (1024, 0.30), (2048, 0.15))
"""Pairs of the length of a row in tokens and the share of the token budget for rows of this length."""

TOKENIZER_SAMPLE = 6000
"""Number of conversations from which the tokenizer learns merges. The conversations are evenly spread over the data."""

JSON, TAGGED = Json(), Tagged()


class PocketOptions(BaseModel):
    """Options of `toolmark train pocket`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: int = Field(default=16_000_000, ge=1, description="Number of tokens to train on, including padding.")
    batch_tokens: int = Field(default=4096, ge=2048, multiple_of=2048, description="Tokens per optimizer step.")
    lr: float = Field(default=3e-3, gt=0, description="Peak learning rate.")
    prompt_weight: float = Field(
        default=0.1, ge=0, le=1, description="Loss weight of the tokens that the model does not write."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="Precision of the products. auto measures both precisions and chooses the faster one.",
    )
    threads: int | None = Field(
        default=None, ge=1, description="Number of threads of torch. Default: a short measurement decides."
    )
    checkpoint_minutes: float = Field(default=3.0, ge=0, description="Minutes between checkpoints.")


def dialect_of(seed: int, index: int, with_tools: bool) -> Dialect:
    """Draw the dialect of conversation `index`. Both dialects have the same probability.

    A conversation without tools is always in the dialect `json`, because its prompt is the same in both dialects. With
    a random dialect, the same prompt could have two different right answers.
    """
    if not with_tools:
        return JSON
    return Random(f"dialect/{seed}/{index}").choice((JSON, TAGGED))  # noqa: S311 - a seeded draw, not a secret


def sequences(data: TraceDataset, tokenizer: PreTrainedTokenizerFast, seed: int) -> Iterator[Encoded]:
    """Yield the encoded conversations of `data` in order, again and again. Every pass draws new dialects."""
    for epoch in count():
        for index, trace in enumerate(data.traces()):
            dialect = dialect_of(seed + epoch, index, bool(trace.tools))
            yield from conversation_sequences(trace.messages, trace.tools, dialect, tokenizer)


def rendered(data: TraceDataset) -> Iterator[str]:
    """Yield the turns of some conversations of `data` in both dialects, as the texts that the tokenizer will encode."""
    rows = data.rows()
    step = max(1, len(rows) // TOKENIZER_SAMPLE)
    for index in range(0, len(rows), step):
        trace = data.trace(rows[index])
        for dialect in (JSON, TAGGED) if trace.tools else (JSON,):
            yield from (message.content for message in dialect.render(trace.messages, trace.tools).messages)


def schedule(tokens: int, batch_tokens: int) -> list[int]:
    """Return the length of the rows for each step of the training, in tokens."""
    return [length for length, share in STAGES for _ in range(max(1, round(tokens * share / batch_tokens)))]


def make_optimizers(model: Gemma3ForCausalLM, lr: float) -> tuple[torch.optim.Optimizer, ...]:
    """Return two optimizers: Muon for the matrices inside the layers, and AdamW for embeddings and norms.

    Muon (Jordan 2024, https://kellerjordan.github.io/posts/muon) sets all singular values of a matrix's gradient to the
    same value and steps in this direction. The steps of Muon are scaled to the size of AdamW's steps (Liu et al. 2025,
    arXiv:2502.16982). So both optimizers use the same learning rate. In one measurement on this data, AdamW trained on
    a million tokens. Muon reached the same loss after little more than half a million tokens.
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
    """Return the learning rate at `step`.

    The rate rises linearly to `peak` over the first 3% of the steps, and then falls to 2% of `peak` along a cosine.
    """
    warmup = max(1, round(0.03 * steps))
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def batches(packer: RowPacker, lengths: list[int], batch_tokens: int) -> Iterator[tuple[torch.Tensor, ...]]:
    """Yield token ids, loss weights and answer masks for each step of `lengths`. The shapes are (rows, length)."""
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
    model: Gemma3ForCausalLM, ids: torch.Tensor, weights: torch.Tensor, answer: torch.Tensor, precision: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weighted mean loss over all tokens, and the mean loss over the tokens that the model writes.

    The training minimises the first loss. The second loss is only reported.
    """
    import torch
    from torch.nn.functional import cross_entropy

    with torch.autocast(ids.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    loss = cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none").view(ids.shape[0], -1)
    weights, answer = weights[:, 1:], answer[:, 1:]
    return (loss * weights).sum() / weights.sum(), loss.detach()[answer].mean()


class PocketTrainer(BaseTrainer):
    """Trains the embedded model."""

    name = "pocket"
    Options = PocketOptions
    from_scratch = True
    changeable = ("threads", "precision", "checkpoint_minutes")  # the resume file has the measured precision

    def train(
        self,
        base: Candidate | None,  # noqa: ARG002 - this trainer starts from scratch
        data: TraceDataset,
        out: Path,
        options: PocketOptions,
        ctx: Training,
    ) -> Trained:
        """Train on the conversations of `data` and write a model directory to `out`.

        If `out` contains an interrupted training, this training resumes. The weights are then the same as after a
        training without interruption. The rows are packed again from the seed. Weights and optimizer state come from
        the resume file.

        Raises:
            InputError: `out` contains a training with another precision.
        """
        import torch

        out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(ctx.seed)

        with phase("training the tokenizer"):
            tokenizer = train_tokenizer(rendered(data), CONTEXT)
        model = build_model(tokenizer).train()
        with phase("measuring the speed of this machine"):
            found = choose_precision(model.config, options.batch_tokens, options.precision, options.threads)
        torch.set_num_threads(found.threads)
        ctx.say(f"Training on {len(data.rows())} conversations; {found.why}.")
        optimizers = make_optimizers(model, options.lr)
        resume_file = ResumeFile(out / "resume.pt", found.precision)
        done = resume_file.load(model, optimizers)
        curve = TrainingCurve(out / "curve.jsonl", done.step)

        lengths = schedule(options.tokens, options.batch_tokens)
        packer = RowPacker(sequences(data, tokenizer, ctx.seed), tokenizer.pad_token_id, options.prompt_weight)
        last = saved = time.monotonic()
        for ids, weights, answer in islice(batches(packer, lengths, options.batch_tokens), done.step, None):
            lr = learning_rate(done.step, len(lengths), options.lr)
            for group in (group for optimizer in optimizers for group in optimizer.param_groups):
                group["lr"] = lr
            loss, answer_loss = losses(model, ids, weights, answer, found.precision)
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
            left = done.seconds / done.step * (len(lengths) - done.step)
            ctx.log({**point, "of": len(lengths), "seconds_left": left})
            if now - saved >= 60 * options.checkpoint_minutes:
                save_model(model, tokenizer, out)
                resume_file.save(model, optimizers, done)
                saved = now

        save_model(model, tokenizer, out)
        resume_file.path.unlink(missing_ok=True)
        return Trained(
            dialects=(JSON.name, TAGGED.name),
            tokens=done.tokens,
            seconds=done.seconds,
            losses=curve.final("loss", "answer_loss"),
            curve=curve.sample(),
            measured={"threads": found.threads, "precision": found.precision},
            tools_made_by="the mix pocket, anew for each conversation",
        )

    def card(self, record: WrittenRecord) -> str:
        """Return the text of the `README.md` in the folder of the weights."""
        return pocket_card(record, longest=STAGES[-1][0])
