"""Makes two models with which Toolmark tests that it applies adapters correctly:

    model                                 must give the same answers as
    a base with an adapter of zeros       the base alone
    a base with the adapter merged        the base with the adapter

If the answers differ, adapters do not work on this machine, and comparisons of adapters are wrong.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.data.record import RECORD_FILE
from toolmark.benchmark.engine.base_model import load_base

__all__ = ["merge", "zero_adapter"]


def zero_adapter(base: Path, out: Path) -> None:
    """Write a LoRA adapter of zeros for `base` to `out`. The adapter adds zero to every weight of the base.

    Raises:
        InputError: The base cannot be loaded.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    model = load_base(base, torch.float32)
    get_peft_model(model, LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM")).save_pretrained(str(out))


def merge(weights: Weights, out: Path) -> None:
    """Merge an adapter into its base, and write the model to `out` in fp32, with the tokenizer of the base.

    The `toolmark.json` of the base is not copied, because it does not describe the merged weights.

    Raises:
        InputError: The base cannot be loaded.
    """
    import torch
    from peft import PeftModel

    if weights.adapter is None:
        raise ValueError("there is no adapter to merge")
    model = load_base(weights.base, torch.float32)
    merged = PeftModel.from_pretrained(model, str(weights.adapter)).merge_and_unload(safe_merge=True)
    merged.save_pretrained(str(out))
    for file in weights.base.iterdir():
        needed = file.suffix in (".json", ".jinja", ".model", ".txt") and file.name != RECORD_FILE
        if needed and not (out / file.name).exists():
            shutil.copy(file, out / file.name)
