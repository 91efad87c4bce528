"""Facts about the installed torch, about its threads, and about the processors that this process can use."""

from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["TorchBuild", "processor_count", "thread_count", "torch_build", "use_threads"]

_SMALL_MODEL = 50_000_000
"""A model with fewer parameters uses one thread by default. The reason: on an idle machine, two threads are hardly
faster than one thread, and on a busy machine, threads wait for each other. For example, if other processes use both
cores, a model with 3M parameters is 8 times slower with two threads than with one thread."""


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """A build of torch.

    Attributes:
        version: The version, for example `2.13.0+cpu`.
        gpu: The GPUs that this build can use: `CUDA 12.8`, `ROCm 6.4` or `mps`, for example. Empty if there are none.
    """

    version: str
    gpu: str


def torch_build() -> TorchBuild:
    """Return the installed build of torch.

    Raises:
        Exception: Torch cannot be imported. The type of the error depends on the cause.
    """
    import torch

    if torch.version.cuda:
        gpu = f"CUDA {torch.version.cuda}"
    elif torch.version.hip:
        gpu = f"ROCm {torch.version.hip}"
    else:
        gpu = "mps" if torch.backends.mps.is_built() else ""
    return TorchBuild(torch.__version__, gpu)


def thread_count() -> int:
    """Return the number of processor threads that torch uses."""
    import torch

    return torch.get_num_threads()


def use_threads(option: int | None, device: str, parameters: int) -> None:
    """Set the number of processor threads that torch uses for a model.

    Args:
        option: The number of threads. None means one thread for a small model on the processor, and torch's default for
            others.
        device: Name of a device in `DEVICES`.
        parameters: Number of parameters of the model.
    """
    import torch

    if option is None and device == "cpu" and parameters < _SMALL_MODEL:
        option = 1
    if option is not None:
        torch.set_num_threads(option)


def processor_count() -> int:
    """Return the number of processors that this process is allowed to use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
