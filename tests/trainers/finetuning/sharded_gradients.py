"""Computes the gradients of an adapter with whole weights, and with weights that FSDP2 shards over the processes.

    python -m torch.distributed.run --standalone --nproc-per-node 2 tests/trainers/finetuning/sharded_gradients.py BASE

The first process prints the largest difference, relative to the largest gradient of its matrix.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from toolmark.benchmark.engine.encoding import Encoded
from toolmark.benchmark.engine.packed_forward import packed_forward
from toolmark.trainers.finetuning.adapted_model import load_trainable
from toolmark.trainers.finetuning.batch_layout import batch_loss, packed_rows
from toolmark.trainers.finetuning.options import LoraOptions


def example(*, beginning: int, own: int) -> Encoded:
    """Return a conversation of 30 tokens to read and 6 to write. Equal numbers give equal tokens."""
    draw = [
        torch.randint(50, 2000, (size,), generator=torch.Generator().manual_seed(seed)).tolist()
        for size, seed in ((24, beginning), (12, 100 + own))
    ]
    return Encoded([2, *draw[0], *draw[1]], [False] * 31 + [True] * 6)


def main() -> None:
    """Compare the gradients."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    rank, count = torch.distributed.get_rank(), torch.distributed.get_world_size()
    torch.manual_seed(0)
    model = load_trainable(Path(sys.argv[1]), LoraOptions(r=4, dropout=0.0))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    assert packed_forward(model.get_base_model()) is not None
    examples = [example(beginning=number // 2, own=number) for number in range(4)]
    tokens = sum(sum(one.supervised) for one in examples)

    batch_loss(model, packed_rows(examples), tokens).backward()
    whole = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()

    mesh = init_device_mesh("cpu", (count,))
    for layer in model.get_base_model().model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    part = examples[rank * len(examples) // count : (rank + 1) * len(examples) // count]
    (batch_loss(model, packed_rows(part), tokens) * count).backward()

    worst = 0.0
    for name, weight in model.named_parameters():
        if name in whole:
            difference = (weight.grad.full_tensor() - whole[name]).abs().max() / whole[name].abs().max()
            worst = max(worst, float(difference))
    if rank == 0:
        print(f"{len(whole)} matrices, largest difference {worst:.2e}")  # noqa: T201
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
