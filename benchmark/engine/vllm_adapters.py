"""Writes checked copies of adapters for vLLM.

Somebody else possibly made an adapter, and vLLM checks its files less than Toolmark does. For example, vLLM uses keys
of `adapter_config.json` as expressions. So vLLM gets a copy: only the tensors and the settings that passed the checks
of `AdaptedModel`.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from toolmark.benchmark.core.errors import writing
from toolmark.benchmark.engine.adapters import AdaptedModel
from toolmark.benchmark.engine.base_model import empty_model
from toolmark.benchmark.engine.loading_errors import loading

__all__ = ["VllmAdapters"]

_SETTINGS = ("r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern")
"""The settings that vLLM needs. They say how large an adapter is, and how its product is scaled."""


class VllmAdapters:
    """The adapters of one base, in a temporary folder.

    Args:
        base: The directory of the base.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self._folder = TemporaryDirectory(prefix="toolmark-vllm-")
        self._requests: dict[Path, Any] = {}

    @cached_property
    def _empty(self) -> AdaptedModel:
        from transformers import AutoConfig

        with loading(self._base):
            config = AutoConfig.from_pretrained(self._base, trust_remote_code=False, local_files_only=True)
            return AdaptedModel(empty_model(config).eval(), self._base)  # type: ignore[no-untyped-call]

    def request(self, adapter: Path) -> Any:
        """Return vLLM's `LoRARequest` for an adapter.

        Raises:
            InputError: The adapter does not fit the base, or has broken files.
            EnvironmentFault: The disk is full.
        """
        from vllm.lora.request import LoRARequest

        if adapter not in self._requests:
            number = len(self._requests) + 1
            self._requests[adapter] = LoRARequest(f"adapter-{number}", number, str(self._copy(adapter, number)))
        return self._requests[adapter]

    def _copy(self, adapter: Path, number: int) -> Path:
        from safetensors.torch import save_file

        config, weights = self._empty.checked(adapter)
        modules = sorted({name.partition(".lora_")[0].rpartition(".")[2] for name in weights})
        settings = {name: getattr(config, name) for name in _SETTINGS}
        out = Path(self._folder.name) / str(number)
        with writing(out):
            out.mkdir()
            fields = {"peft_type": "LORA", "bias": "none", "target_modules": modules, **settings}
            (out / ADAPTER_CONFIG).write_text(json.dumps(fields), encoding="utf-8")
            save_file(weights, out / ADAPTER_WEIGHTS)
        return out

    def close(self) -> None:
        """Remove the copies."""
        self._folder.cleanup()
