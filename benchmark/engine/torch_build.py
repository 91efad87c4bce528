"""Facts about the installed torch, and about the processors that this process can use."""

from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["TorchBuild", "processor_count", "thread_count", "torch_build"]


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


def processor_count() -> int:
    """Return the number of processors that this process is allowed to use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
