"""Measures Toolmark's local generation on one workload, in a separate process.

    python -m studies.ours SPEC.json OUT.json

SPEC and OUT are described in `peer_loops`. SPEC can also contain `adapters` and `profile`. `adapters` is a list of
folders of adapters. The adapters answer one after another. If `profile` is true, the time of each part is measured. OUT
also contains the numbers of prompt tokens and generated tokens, and the seconds without encoding.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from studies.clock import Clock
from studies.peak_memory import peak_bytes
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.data.completions import Prompt
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.local_engine import LocalEngine
from toolmark.benchmark.engine.prefix_tree import prefix_leaves

__all__ = ["unique_tokens"]


def unique_tokens(rows: dict[int, list[int]]) -> int:
    """Return the number of prompt tokens. A prefix that several prompts share is counted only once."""
    leaves = list(prefix_leaves(rows))
    nodes = {node for leaf in leaves for node in leaf.path}
    return sum(len(node.ids) for node in nodes) + sum(len(leaf.ids) for leaf in leaves)


def without_special(text: str, engine: LocalEngine) -> str:
    """Return the text without special tokens. The other tools also return texts without special tokens."""
    for token in engine._prompts.tokenizer.all_special_tokens:
        text = text.replace(token, "")
    return text


_LAYERS = {
    "RMSNorm": "norms",
    "RotaryEmbedding": "rotary positions",
    "MLP": "activations",
    "ForCausalLM": "the model's own Python",
}
"""The ends of the names of classes in transformers' module for a family of models."""


def timed_parts(clock: Clock, model: Path) -> None:
    """Measure the time of each part of a pass."""
    from torch import nn
    from transformers import AutoConfig

    from toolmark.benchmark.engine import (
        decode_attention,
        decode_loop,
        local_engine,
        prefix_attention,
        prepared_prompts,
    )

    family = type(AutoConfig.from_pretrained(model)).__module__.replace("configuration_", "modeling_")
    modeling = importlib.import_module(family)
    for name, kind in list(vars(modeling).items()):
        for end, label in _LAYERS.items():
            if isinstance(kind, type) and kind.__module__ == family and name.endswith(end):
                clock.wrap(kind, "forward", label)
    clock.wrap(modeling, "apply_rotary_pos_emb", "rotary positions")
    clock.wrap(nn.Linear, "forward", "matrix products of the layers")
    clock.wrap(prefix_attention.Prefill, "attend", "attention while reading")
    clock.wrap(decode_attention.Decode, "attend", "attention while writing")
    clock.wrap(decode_loop._Batch, "_step", "choosing tokens")
    clock.wrap(decode_loop._Batch, "_remove", "removing finished answers")
    clock.wrap(prepared_prompts.PreparedPrompts, "completion", "decoding text")
    clock.wrap(local_engine.LocalEngine, "prepare", "encoding")
    clock.wrap(local_engine.LocalEngine, "answer", "batching")


def main(spec: dict[str, Any], out: Path) -> None:
    """Measure, and write OUT.

    The time excludes loading, and the check that compares packed passes with the model.
    """
    import torch

    torch.set_num_threads(spec["threads"])
    clock = Clock()
    if spec.get("profile"):
        timed_parts(clock, Path(spec["model"]))
    engine = LocalEngine(
        Path(spec["model"]),
        Decoding(max_tokens=spec["tokens"]),
        device="cpu",
        dtype="float32",
        threads=spec["threads"],
    )
    prompts = [
        Prompt(tuple(Message(role=turn["role"], content=turn["content"]) for turn in row["messages"]))
        for row in spec["rows"]
    ]
    adapters = [Path(adapter) for adapter in spec.get("adapters", ())] or [None]
    for adapter in adapters:
        engine.set_adapter(adapter)
        engine.environment()
    engine.prepare(prompts[:2], Tagged())
    list(engine.answer(range(len(prompts[:2]))))
    clock.seconds.clear()
    clock.calls.clear()
    seconds, answering, found = [], [], {}
    now = time.process_time if spec["processor_time"] else time.perf_counter
    for _ in range(spec["times"]):
        start = now()
        engine.prepare(prompts, Tagged())
        encoded = now()
        for adapter in adapters:
            engine.set_adapter(adapter)
            found = dict(engine.answer(range(len(prompts))))
        seconds.append(now() - start)
        answering.append(now() - encoded)
    rows = dict(enumerate(row["ids"] for row in spec["rows"]))
    out.write_text(
        json.dumps(
            {
                "seconds": seconds,
                "answering": answering,
                "texts": [without_special(found[index].text, engine) for index in range(len(prompts))],
                "peak": peak_bytes(),
                "read": sum(map(len, rows.values())),
                "unique": unique_tokens(rows),
                "written": [found[index].usage.output_tokens for index in range(len(prompts))],
                "parts": {label: spent / spec["times"] for label, spent in clock.seconds.items()},
            }
        )
    )


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
