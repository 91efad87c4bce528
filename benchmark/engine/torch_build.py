"""The installed build of torch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TorchBuild", "set_threads", "thread_count", "torch_build"]


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """A build of torch.

    Attributes:
        version: The version, for example `2.13.0+cpu`.
        gpu: The kind of GPU that this build can use: `CUDA 12.8`, `ROCm 6.4` or `mps`. Empty if it can use none.
    """

    version: str
    gpu: str


def torch_build() -> TorchBuild:
    """The installed build of torch.

    Raises:
        Exception: torch cannot be imported. The type depends on what is broken.
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
    """The number of processor threads that torch uses."""
    import torch

    return torch.get_num_threads()


def set_threads(count: int) -> None:
    """Use this number of processor threads from now on."""
    import torch

    torch.set_num_threads(count)
