"""Defines the options of the engine that generates on this machine, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["EngineChoice", "EngineName", "EngineOptions"]

EngineName = Literal["transformers", "vllm"]

EngineChoice = Literal["transformers", "vllm", "auto"]
"""The values of the option `--engine`: `auto`, and the names of the engines."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Options of the engine that generates on this machine.

    Attributes:
        name: The engine. With `auto`, the engine is vLLM if it is installed and the device is CUDA, and otherwise
            transformers.
        tensor_parallel: Number of GPUs over which vLLM divides each layer of the model.
        probe: Number of cases that both engines answer if vLLM is the engine. With 0, there is no such comparison.
    """

    name: EngineChoice = "transformers"
    tensor_parallel: int = 1
    probe: int = 16
