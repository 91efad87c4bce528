"""Chooses threads and precision of a training by measuring the time of its first conversations.

The best choice is not known in advance. If another process uses a core, two threads are slower than one thread.
bfloat16 is twice as fast on a processor with bfloat16 instructions. On other processors, bfloat16 is slower.
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
from toolmark.trainers.finetuning.batch_layout import BatchLayout, batch_loss

if TYPE_CHECKING:
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["PrecisionChoice", "choose_precision"]

_MEASURED_CONVERSATIONS = 2
"""With this number, a factor of two is detected, and the measurement is short even on a busy machine."""

_CLEARLY_FASTER = 1.2
"""bfloat16 is chosen only if it is faster by this factor, because bfloat16 gradients are less precise."""


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """The chosen threads and precision.

    Attributes:
        threads: Number of threads that torch uses.
        precision: `float32` or `bfloat16`.
        why: The measurement in words.
    """

    threads: int
    precision: str
    why: str


def choose_precision(
    model: Any,
    layout: BatchLayout,
    examples: Sequence[Encoded],
    precision: Literal["auto", "float32", "bfloat16"],
    threads: int | None,
) -> PrecisionChoice:
    """Choose the number of threads and then the precision, unless the user chose them.

    Each choice is measured with two forward and backward passes. The shorter of the two times counts.

    Args:
        model: The model to train.
        layout: Makes a batch of examples.
        examples: The first examples of the training.
        precision: The precision that the user chose. With `auto`, the precision is measured.
        threads: The number of threads that the user chose. With None, the number is measured.
    """
    if default_device() == "cuda":
        found = "bfloat16" if precision == "auto" else precision
        return PrecisionChoice(torch.get_num_threads(), found, f"{found} on CUDA")
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    counts = (threads,) if threads else tuple(sorted({1, processors}))
    precisions = ("float32", "bfloat16") if precision == "auto" else (precision,)
    if len(counts) == len(precisions) == 1:
        return PrecisionChoice(counts[0], precisions[0], f"threads: {counts[0]}, {precisions[0]}, as given")
    batch = layout(examples[:_MEASURED_CONVERSATIONS])
    by_count = {count: _seconds(model, batch, count, precisions[0]) for count in counts}
    best = min(by_count, key=lambda count: by_count[count])
    by_precision = {precisions[0]: by_count[best]}
    by_precision |= {other: _seconds(model, batch, best, other) for other in precisions[1:]}
    faster = by_precision[precisions[0]] > _CLEARLY_FASTER * by_precision.get("bfloat16", math.inf)
    chosen = "bfloat16" if faster else precisions[0]
    took = [f"{seconds:.2f} s on {count}" for count, seconds in by_count.items()]
    took += [f"{seconds:.2f} s in {other}" for other, seconds in by_precision.items() if other != precisions[0]]
    measured = f"{len(examples[:_MEASURED_CONVERSATIONS])} conversations took {', '.join(took)}"
    return PrecisionChoice(best, chosen, f"threads: {best}, {chosen} ({measured})")


def _seconds(model: Any, batch: dict[str, Any], threads: int, precision: str) -> float:
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
