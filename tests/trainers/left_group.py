"""Leaves many groups of one process each, while threads of gloo still free tensors of Python.

    RANK=0 WORLD_SIZE=2 python tests/trainers/left_group.py

It prints a line for each group that it has left.
"""

from __future__ import annotations

import gc
import sys

import torch

from toolmark.trainers.process_group import disconnect

GROUPS = 60


def main() -> None:
    """Join and leave the groups."""
    sys.setswitchinterval(10)  # seconds; the main thread goes on until it waits
    for _ in range(GROUPS):
        torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
        model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 4))
        torch.distributed.all_gather([torch.zeros(1000)], torch.ones(1000))
        disconnect()
        del model
        gc.collect()
        sys.stdout.write("left\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
