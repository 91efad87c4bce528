"""Connects the processes of one training, which `accelerate launch` or `torchrun` started.

On a processor the processes talk through gloo, on CUDA devices through nccl. If one process ends with an error or is
killed, the launcher ends all others. Without a launcher, nothing in this module has an effect.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.launched_process import launched_process
from toolmark.benchmark.engine.devices import DEVICES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_sharding", "connect", "disconnect", "wait_for_all"]

_LONGEST_WAIT = timedelta(days=2)
"""The longest time that a process waits for the others. The first process judges checkpoints while the others wait."""

_NEEDED_FOR_SHARDING = {
    "FSDP_VERSION": ("2", "fsdp_version: 2"),
    "FSDP_STATE_DICT_TYPE": ("FULL_STATE_DICT", "fsdp_state_dict_type: FULL_STATE_DICT"),
    "FSDP_CPU_RAM_EFFICIENT_LOADING": ("false", "fsdp_cpu_ram_efficient_loading: false"),
}
"""Variables that `accelerate launch` sets from its configuration file. For each variable, the value that a training
needs, and the line of the configuration file."""

_LEFT: list[Any] = []
"""Groups that this process has left. They exist until it ends.

If the model of `DistributedDataParallel` were the last owner of a group, its destructor would wait for a thread of gloo
while it keeps other threads of Python from running. The thread of gloo may need Python to free a tensor, and then both
wait forever (https://github.com/pytorch/pytorch/issues/56297).
"""


def connect(device: str) -> None:
    """Connect this process with the other processes of the training. Return when all of them are connected.

    Args:
        device: Name of the device of the training.
    """
    if launched_process().count == 1:
        return
    from accelerate import PartialState

    PartialState(cpu=DEVICES[device].torch_name == "cpu", timeout=_LONGEST_WAIT)
    wait_for_all()


def wait_for_all() -> None:
    """Wait until every process of the training has called this function."""
    if launched_process().count == 1:
        return
    import torch

    torch.distributed.barrier()


def disconnect() -> None:
    """Leave the group of processes at the end of a training."""
    if launched_process().count == 1:
        return
    import torch

    _LEFT.append(torch.distributed.group.WORLD)
    torch.distributed.destroy_process_group()


def check_sharding(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the launcher shards the weights over the processes (FSDP), and check its settings.

    Each checkpoint must be written as one whole file, because checkpoints are judged. Each process checks the weights
    that it loads, so each process must load them.

    Raises:
        InputError: The configuration of the launcher does not fit.
    """
    if environment.get("ACCELERATE_USE_FSDP", "false").lower() != "true":
        return False
    for name, (needed, line) in _NEEDED_FOR_SHARDING.items():
        if (given := environment.get(name, "")).lower() != needed.lower():
            raise InputError(
                f"the weights would be sharded with {name}={given or 'its default'}, but a training needs {needed}",
                f"Write this line below fsdp_config in the configuration file of accelerate: {line}",
            )
    return True
