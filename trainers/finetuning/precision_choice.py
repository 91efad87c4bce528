"""In which precision and with how many threads to train: measured on the first batch, because it cannot be told.

Two threads are slower than one where another process holds a core; bfloat16 is twice as fast on a processor with the
instructions for it and slower on one without.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from toolmark.benchmark.engine.local_engine import default_device

if TYPE_CHECKING:
    from toolmark.benchmark.engine.encoding import Encoded
    from toolmark.trainers.finetuning.example_trainer import Layout

__all__ = ["Pace", "measured_pace"]

_FEW = 2
"""Conversations of the measured pass: enough to tell twice from half, and soon done on a busy machine."""

_CLEARLY = 1.2
"""By how much bfloat16 must be faster to be taken: its gradients are coarser."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Threads, precision, and why in words."""

    threads: int
    precision: str
    why: str


def measured_pace(
    model: Any,
    layout: Layout,
    examples: Sequence[Encoded],
    precision: Literal["auto", "float32", "bfloat16"],
    threads: int | None,
) -> Pace:
    """Settle what is left open: threads first, then precision; each the shorter of two passes forward and back."""
    if default_device() == "cuda":
        found = "bfloat16" if precision == "auto" else precision
        return Pace(torch.get_num_threads(), found, f"{found} on CUDA")
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    counts = (threads,) if threads else tuple(sorted({1, processors}))
    kinds = ("float32", "bfloat16") if precision == "auto" else (precision,)
    if len(counts) == len(kinds) == 1:
        return Pace(counts[0], kinds[0], f"{counts[0]} threads, {kinds[0]}, as given")
    batch = layout(examples[:_FEW])
    by_count = {count: _seconds(model, batch, count, kinds[0]) for count in counts}
    best = min(by_count, key=lambda count: by_count[count])
    by_kind = {kinds[0]: by_count[best]} | {kind: _seconds(model, batch, best, kind) for kind in kinds[1:]}
    chosen = "bfloat16" if by_kind[kinds[0]] > _CLEARLY * by_kind.get("bfloat16", math.inf) else kinds[0]
    took = [f"{seconds:.2f} s on {count}" for count, seconds in by_count.items()]
    took += [f"{seconds:.2f} s in {kind}" for kind, seconds in by_kind.items() if kind != kinds[0]]
    return Pace(best, chosen, f"threads: {best}, {chosen} ({len(examples[:_FEW])} of them took {', '.join(took)})")


def _seconds(model: Any, batch: dict[str, Any], threads: int, precision: str) -> float:
    from toolmark.trainers.finetuning.example_trainer import batch_loss

    before, random = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(threads)
    try:
        took = []
        for _ in range(2):
            began = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                loss = batch_loss(model, batch)
            loss.backward()  # type: ignore[no-untyped-call]
            took.append(time.perf_counter() - began)
        return min(took)
    finally:
        model.zero_grad()
        torch.set_num_threads(before)
        torch.set_rng_state(random)
