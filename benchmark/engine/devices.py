"""Chooses the device on which local models are computed, and the data type of the weights.

Only this module contains code that depends on the kind of device. So on a machine without a GPU, tests can check all
other modules completely.

Torch is imported only if it is needed, because the import takes seconds.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.engine.model_config import read_object

__all__ = [
    "DEVICES",
    "Device",
    "DeviceChoice",
    "DtypeChoice",
    "check_dtype_of_model",
    "choose_device",
    "choose_dtype",
    "kind_of_machine",
    "memory",
    "naming_missing_operations",
    "why_missing",
]

DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]
"""The values of the option `--device`: `auto`, and the names in `DEVICES`."""

DeviceName = Literal["cpu", "cuda", "mps"]

DtypeChoice = Literal["auto", "float32", "bfloat16", "float16"]
"""The values of the option `--dtype`."""

_DRIVERS = ("/proc/driver/nvidia", "/dev/dxg", "/dev/kfd")
"""Files of GPU drivers on Linux. If one of them exists, there is a driver of NVIDIA, of Windows' Linux subsystem, or of
AMD, in this order. Torch uses the name CUDA for AMD's GPUs, too."""

_ON_THE_PROCESSOR = "Compute on the processor: --device cpu"


_CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""The files that contain the memory limit of a container: first for version 2 of cgroups, then for version 1."""


@dataclass(frozen=True, slots=True)
class Device:
    """A kind of device.

    Attributes:
        torch_name: Name of the device in torch.
        dtypes: The data types that can be chosen on this device. The first data type is the default.
    """

    torch_name: str
    dtypes: tuple[str, ...]


DEVICES = {
    "cuda": Device("cuda", ("bfloat16", "float32", "float16")),
    "mps": Device("mps", ("float32", "bfloat16", "float16")),
    # On a processor, float16 is not offered, because torch computes many operations in float16 very slowly.
    "cpu": Device("cpu", ("float32", "bfloat16")),
}
"""The devices by name.

Toolmark was never measured on Apple's GPUs (`mps`). So `--device auto` does not choose `mps`, and the default data type
on `mps` is that of the processor.
"""


def why_missing(name: str) -> str | None:
    """Return the reason why this machine cannot compute on a device, or None if it can.

    Args:
        name: A name in `DEVICES`.
    """
    if DEVICES[name].torch_name == "cpu":
        return None
    if name == "mps" and sys.platform != "darwin":
        return f"mps is the GPU of an Apple computer, and this machine is {platform.system()} {platform.machine()}"
    if name == "mps":
        # With this variable, the processor computes the operations that torch does not have for MPS. Torch reads the
        # variable when torch is imported.
        os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    import torch

    backend = torch.cuda if name == "cuda" else torch.backends.mps
    if backend.is_available():
        return None
    built = torch.backends.cuda.is_built() if name == "cuda" else torch.backends.mps.is_built()  # type: ignore[no-untyped-call]
    lacking = f"torch {torch.__version__} was built without {name.upper()}"
    return f"torch {torch.__version__} finds no {name.upper()} device" if built else lacking


def _may_have_cuda() -> bool:
    """Return False if there is certainly no CUDA device, because Linux has no driver. This is known without torch."""
    return sys.platform != "linux" or any(map(os.path.exists, _DRIVERS))


def choose_device(name: DeviceChoice) -> DeviceName:
    """Return the name of the device on which to compute.

    Args:
        name: A name in `DEVICES`, or `auto`. With `auto`, the result is `cuda` if this machine has a CUDA device, and
            otherwise `cpu`.

    Raises:
        EnvironmentFault: This machine does not have the device.
    """
    if name == "auto":
        return "cuda" if _may_have_cuda() and why_missing("cuda") is None else "cpu"
    if (reason := why_missing(name)) is not None:
        raise EnvironmentFault(f"--device {name} is not possible on this machine: {reason}", _ON_THE_PROCESSOR)
    return name


def choose_dtype(name: str, device: str) -> str:
    """Return the name of the data type of the weights.

    Args:
        name: A name of a data type, or `auto`. With `auto`, the result is the default of the device. But if this
            default is `bfloat16` and the GPU has no instructions for bfloat16, the result is `float32`.
        device: A name in `DEVICES`.

    Raises:
        InputError: The data type is not possible on the device.
    """
    possible = DEVICES[device].dtypes
    if name == "auto":
        return "float32" if possible[0] == "bfloat16" and not _multiplies_bfloat16(device) else possible[0]
    if name not in possible:
        raise InputError(
            f"--dtype {name} is not possible on {device}", f"Write one of {', '.join(possible)}: --dtype {possible[0]}"
        )
    return name


def _multiplies_bfloat16(device: str) -> bool:
    """Return whether the device has instructions for bfloat16. Only CUDA devices are checked."""
    import torch

    return device != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)


def check_dtype_of_model(base: Path, dtype: str) -> None:
    """Check that the numbers of a model fit into a data type.

    The activations of all Gemma models are larger than the largest number of float16. In float16, these models write
    nonsense.

    Args:
        base: Directory of the model, with its `config.json`.
        dtype: Name of a data type.

    Raises:
        InputError: The model is a Gemma model, and the data type is float16.
    """
    if dtype != "float16":
        return
    family = read_object(base / "config.json").get("model_type", "")
    if str(family).startswith("gemma"):
        raise InputError(
            f"--dtype float16 is not possible with {base}, because Gemma's activations exceed the range of float16",
            "Write --dtype bfloat16 or --dtype float32",
        )


def kind_of_machine() -> str:
    """Return the name of the first CUDA device. If there is none, return the kind and the number of the processors."""
    if choose_device("auto") == "cuda":
        import torch

        return torch.cuda.get_device_name(0)
    return f"{platform.machine()}, {os.cpu_count()} processors"


def memory(device: str) -> int:
    """Return the size of the memory of a device in bytes, including memory that is in use.

    For a processor, this is the memory of the machine, or the memory limit of the container if this limit is lower.
    """
    kind = DEVICES[device].torch_name
    if kind == "cpu":
        return min(_memory_limits())
    import torch

    if kind == "mps":
        return int(torch.mps.recommended_max_memory())
    return int(torch.cuda.get_device_properties(0).total_memory)


def _memory_limits() -> Iterator[int]:
    """Yield the size of the memory of the machine in bytes, and then the memory limits of the container."""
    import psutil

    yield int(psutil.virtual_memory().total)
    for file in _CONTAINER_LIMITS:
        with suppress(OSError, ValueError):  # There is no such file, or it contains "max", which means no limit.
            yield int(file.read_text())


@contextmanager
def naming_missing_operations(device: str) -> Iterator[None]:
    """Raise an error with a clear message if an operation inside the `with` block does not exist on the device.

    Raises:
        EnvironmentFault: An operation of the model does not exist on the device. The message names the operation.
    """
    try:
        yield
    except (NotImplementedError, TypeError) as error:
        said = str(error).strip().partition("\n")[0]
        if device == "cpu" or device.upper() not in said.upper():
            raise
        raise EnvironmentFault(f"{device} cannot compute this model: {said}", _ON_THE_PROCESSOR) from error
