"""Would it pay to write for several adapters in one pass? A pass of a LoRA model over one new token a row, both ways.

    python -m tests.perf.mixed SPEC.json OUT.json

In turn: one pass for each adapter, over its own rows. Mixed: one pass over all rows, of which peft's `adapter_names`
tells each its adapter. Attention over what was read before is left out: caches are per adapter either way, so that it
costs the same. SPEC holds the model, the adapters, rows an adapter, threads and times.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any


def milliseconds(work: Callable[[], object], times: int) -> list[float]:
    """Of each of `times` repetitions, each the median of many calls."""
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
    """Measure and write OUT."""
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
    ids = torch.arange(spec["rows"])[:, None] + 10
    every = ids.repeat(len(names), 1)
    told = [name for name in names for _ in range(spec["rows"])]

    def in_turn() -> Any:
        outputs = []
        for name in names:
            model.set_adapter(name)
            outputs.append(model(input_ids=ids, use_cache=False).logits)
        return torch.cat(outputs)

    def mixed() -> Any:
        return model(input_ids=every, use_cache=False, adapter_names=told).logits

    with torch.inference_mode():
        if not torch.allclose(in_turn(), mixed(), atol=1e-3):
            raise ValueError("peft's mixed batch gives other logits")
        seconds = {"in turn": milliseconds(in_turn, spec["times"]), "mixed": milliseconds(mixed, spec["times"])}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    out.write_text(json.dumps({"seconds": [], "peak": peak, "milliseconds": seconds}))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
