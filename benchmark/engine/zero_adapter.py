"""Makes an adapter whose effect is zero. A base must give the same answers with and without this adapter.

If the answers differ, adapters do not work on this machine, and every comparison of an adapter with its base is wrong.
"""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.core.unexpected_errors import naming_system_faults
from toolmark.benchmark.engine.base_model import load_base

__all__ = ["zero_adapter"]


def zero_adapter(base: Path, out: Path) -> None:
    """Write a LoRA adapter for `base` to `out`. The adapter adds zero to every weight that it adapts.

    Raises:
        InputError: The base cannot be loaded.
        EnvironmentFault: The disk is full.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    model = load_base(base, torch.float32)
    adapted = get_peft_model(model, LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    with naming_system_faults():
        adapted.save_pretrained(str(out))
