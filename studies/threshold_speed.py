"""Measures how long answers take with a threshold for calls, and without one, in one process."""

from __future__ import annotations

import time
from dataclasses import dataclass

from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.engine.local_engine import LocalEngine
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.readers.case_selection import limited, load_cases

__all__ = ["ThresholdSpeed", "threshold_speed"]

_TURNS = 4
_SAME = 0.5
"""A threshold that rarely changes the decision of greedy decoding. So both sides write nearly the same answers."""


@dataclass(frozen=True, slots=True)
class ThresholdSpeed:
    """The processor time of the same cases, with and without a threshold.

    Attributes:
        cases: Number of cases.
        without: Seconds of processor time per answer without a threshold, one value for each turn.
        ratios: Time with a threshold divided by time without, one value for each turn.
        equal: Share of the answers that are the same with and without the threshold.
    """

    cases: int
    without: list[float]
    ratios: list[float]
    equal: float


def threshold_speed(spec: str, cases: str, dialect_name: str, limit: int, threads: int) -> ThresholdSpeed:
    """Answer the same cases in turns with and without a threshold. The first turn of each warms up and is left out.

    Args:
        spec: The candidate.
        cases: Value of `--cases`.
        dialect_name: The dialect.
        limit: Number of cases.
        threads: Number of processor threads.
    """
    folders, dialect = locate(resolve(spec)), load("toolmark.dialects", dialect_name)()
    chosen = limited(load_cases(cases)[0], limit)
    prompts = [dialect.render(case.messages, case.toolbox.tools) for case in chosen]
    engine = LocalEngine(folders.base, Decoding(max_tokens=64), device="cpu", dtype="float32", threads=threads)
    engine.set_adapter(folders.adapter)
    found: dict[float | None, list[float]] = {None: [], _SAME: []}
    texts: dict[float | None, dict[int, str]] = {}
    for _ in range(_TURNS):
        for threshold, seconds in found.items():
            engine.set_call_threshold(threshold)
            engine.prepare(prompts, dialect)
            began = time.process_time()
            texts[threshold] = {index: completion.text for index, completion in engine.answer(range(len(prompts)))}
            seconds.append((time.process_time() - began) / len(prompts))
    without, forced = (seconds[1:] for seconds in found.values())
    equal = sum(text == texts[_SAME][index] for index, text in texts[None].items()) / len(prompts)
    ratios = [one / other for one, other in zip(forced, without, strict=True)]
    return ThresholdSpeed(len(prompts), without, ratios, equal)
