"""Measures the time of each completion of an engine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.engine import Engine
from toolmark.benchmark.engine.generation_progress import GenerationProgress

__all__ = ["timed"]


def timed(
    engine: Engine, indices: Sequence[int], epoch: int, progress: GenerationProgress | None = None
) -> Iterator[tuple[int, Completion]]:
    """Yield the completions of the engine, each with the seconds since the previous completion."""
    before = time.monotonic()
    for index, completion in engine.answer(indices, epoch, progress):
        now = time.monotonic()
        yield index, replace(completion, usage=replace(completion.usage, seconds=round(now - before, 6)))
        before = now
