"""Computes the shortest possible time for a workload.

The shortest possible time is the number of operations, divided by the rate of matrix products on this machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolmark.benchmark.engine.prefix_tree import prefix_leaves

__all__ = ["Operations", "matrix_rate", "operations"]


@dataclass(frozen=True, slots=True)
class Operations:
    """Numbers of floating-point operations.

    Attributes:
        reading: Products with the weights, for the tokens of the prompts.
        writing: Products with the weights, for the generated tokens.
        attention: Operations of attention, for all tokens.
    """

    reading: float
    writing: float
    attention: float

    def seconds(self, reading: float, writing: float) -> float:
        """Return the time in seconds. The rates are in operations per second. Attention runs at the rate `reading`."""
        return (self.reading + self.attention) / reading + self.writing / writing


def shapes(config: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return the shape (inputs, outputs) of each matrix product in one layer."""
    hidden, size = config["hidden_size"], config["head_dim"]
    queries, keys = config["num_attention_heads"] * size, config["num_key_value_heads"] * size
    wide = config["intermediate_size"]
    return [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden), *[(hidden, wide)] * 2, (wide, hidden)]


def settings(model: Path) -> dict[str, Any]:
    """Return the configuration of the model."""
    found: dict[str, Any] = json.loads((model / "config.json").read_text())
    return found


def operations(
    model: Path, rows: Mapping[int, Sequence[int]], written: Sequence[int], *, shared: bool = True
) -> Operations:
    """Count the operations of a workload, with two operations for each weight.

    Args:
        model: Folder of the model.
        rows: Token ids of each prompt.
        written: Number of generated tokens of each prompt.
        shared: Whether each shared prefix is read only once. If False, every prompt is read completely.
    """
    config = settings(model)
    layers = config["num_hidden_layers"]
    weights = layers * sum(a * b for a, b in shapes(config))
    head = config["hidden_size"] * config["vocab_size"]
    stretches = [(0, len(ids)) for ids in rows.values()]
    if shared:
        leaves = list(prefix_leaves(dict(rows)))
        nodes = {node for leaf in leaves for node in leaf.path}
        stretches = [(node.start, len(node.ids)) for node in nodes] + [(leaf.start, len(leaf.ids)) for leaf in leaves]
    read = sum(length for _, length in stretches)
    # The pass that reads the prompt also gives the first generated token.
    stepped = [max(0, count - 1) for count in written]
    stretches += [(len(rows[index]), count) for index, count in enumerate(stepped)]
    each = 4 * config["num_attention_heads"] * config["head_dim"]
    attention = sum(
        each * _keys(stretches, config["sliding_window"] if kind == "sliding_attention" else None)
        for kind in config.get("layer_types") or ["full_attention"] * layers
    )
    return Operations(
        2 * (weights * read + head * len(rows)), 2 * (weights + head) * float(sum(stepped)), float(attention)
    )


def _keys(stretches: Iterable[tuple[int, int]], window: int | None) -> int:
    """Return the number of keys that attention reads, summed over the tokens of all ranges (start, length)."""
    return sum(
        min(position + 1, window or position + 1)
        for start, length in stretches
        for position in range(start, start + length)
    )


def matrix_rate(model: Path, tokens: int, threads: int) -> float:
    """Return the operations per second of the model's matrix products with `tokens` tokens.

    The result is the highest rate of many tries. With one thread, processor time is measured, so other programs that
    run at the same time change the result less.
    """
    import torch

    torch.set_num_threads(threads)
    pairs = [(torch.randn(tokens, a), torch.randn(b, a)) for a, b in shapes(settings(model))]
    done = sum(2.0 * tokens * weight.numel() for _, weight in pairs)
    best = 0.0
    clock = time.process_time if threads == 1 else time.perf_counter
    until = time.perf_counter() + 6
    with torch.inference_mode():
        while time.perf_counter() < until:
            start = clock()
            for left, weight in pairs:
                torch.nn.functional.linear(left, weight)
            best = max(best, done / (clock() - start))
    return best
