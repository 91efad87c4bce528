"""Measures whether one pass of a LoRA model should generate tokens for the answers of several adapters.

    python -m studies.mixed SPEC.json OUT.json

Each answer is a row of the pass. Each pass generates one token for every row, in one of three ways:

- alone: All rows belong to one adapter.
- mixed: The rows are divided evenly among the adapters. peft's `adapter_names` computes all rows in one pass.
- in turn: The rows are divided in the same way, and each adapter has its own pass.

Attention to earlier tokens is left out, because it takes the same time in all three ways. SPEC contains the model, the
adapters, and the numbers of rows, threads and repetitions.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from studies.peak_memory import peak_bytes


def milliseconds(work: Callable[[], object], times: int) -> list[float]:
    """Return the milliseconds of one call, for each of `times` repetitions. Each value is the median of many calls."""
    found = []
    for _ in range(times):
        spent = []
        until = time.perf_counter() + 0.7
        while time.perf_counter() < until or len(spent) < 3:
            start = time.perf_counter()
            work()
            spent.append(1000 * (time.perf_counter() - start))
        found.append(median(spent))
    return found


def main(spec: dict[str, Any], out: Path) -> None:
    """Measure, and write OUT."""
    import torch
    from peft import PeftConfig, PeftModel
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(spec["threads"])
    plain = AutoModelForCausalLM.from_pretrained(spec["model"], dtype=torch.float32).eval()
    names = [f"a{number}" for number in range(len(spec["adapters"]))]
    model: Any = PeftModel(plain, PeftConfig.from_pretrained(spec["adapters"][0]), adapter_name=names[0])
    for name, folder in zip(names, spec["adapters"], strict=True):
        model.load_adapter(folder, name)
    model.eval()
    each = spec["rows"] // len(names)
    every = torch.arange(each * len(names))[:, None] + 10
    told = [name for name in names for _ in range(each)]

    def alone() -> Any:
        model.set_adapter(names[0])
        return model(input_ids=every, use_cache=False).logits

    def in_turn() -> Any:
        outputs = []
        for name, ids in zip(names, every.split(each), strict=True):
            model.set_adapter(name)
            outputs.append(model(input_ids=ids, use_cache=False).logits)
        return torch.cat(outputs)

    def mixed() -> Any:
        return model(input_ids=every, use_cache=False, adapter_names=told).logits

    with torch.inference_mode():
        if not torch.allclose(in_turn(), mixed(), atol=1e-3):
            raise ValueError("the logits of a mixed pass differ from the logits of separate passes")
        taken = {
            name: milliseconds(work, spec["times"])
            for name, work in (("alone", alone), ("mixed", mixed), ("in turn", in_turn))
        }
    out.write_text(json.dumps({"seconds": [], "peak": peak_bytes(), "milliseconds": taken}))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
