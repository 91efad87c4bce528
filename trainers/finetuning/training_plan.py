"""Measures once how a training uses this machine: the number of threads, the precision, and the size of a forward pass.

A training keeps results of every layer until its backward pass. The model and the precision decide how many bytes that
is for each token. Two short forward passes measure this number. A pass then has as many tokens as a third of the memory
holds. The backward pass needs about as much memory again for the gradients, and the rest is for other programs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.launched_process import launched_process
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.engine.devices import memory
from toolmark.benchmark.engine.encoding import Encoded
from toolmark.trainers.finetuning.batch_layout import batch_loss, padded_rows
from toolmark.trainers.json_files import read_json, write_json
from toolmark.trainers.precision_choice import PrecisionChoice, choose_precision
from toolmark.trainers.process_group import wait_for_all

if TYPE_CHECKING:
    from toolmark.trainers.finetuning.options import OptimizationOptions

__all__ = ["TrainingPlan", "kept_bytes", "training_plan"]

_SHARE = 1 / 3
"""The share of the memory that the results of a forward pass can take."""

_MOST_TOKENS = 32_768
"""Larger passes are not faster."""

_SHORT, _LONG = 64, 256
"""Numbers of tokens of the measured passes."""

_MEASURED_PRODUCTS = 4_096
"""Highest number of tokens for which the speed of products is measured."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How a training uses the machine on which it was started.

    Attributes:
        precision: The number of threads and the precision.
        pass_tokens: Approximate limit for the tokens of a forward pass.
    """

    precision: PrecisionChoice
    pass_tokens: int


def training_plan(work: Path, model: Any, tokens: int, options: OptimizationOptions, device: str) -> TrainingPlan:
    """Measure the machine, and set the number of threads of torch.

    A resumed training uses the stored plan of its first start. Of several processes, the first process measures for
    all.

    Args:
        work: Folder of the checkpoints. It stores the plan.
        model: The model with its trainable weights.
        tokens: Number of tokens in an optimizer step.
        options: The options of the training.
        device: The device of the training.

    Raises:
        InputError: The training was started with another number of processes.
    """
    file, started = work / "plan.json", launched_process()
    if started.first and not file.exists():
        with phase("measuring this machine"):
            products = min(tokens, options.pass_tokens or _MEASURED_PRODUCTS)
            precision = choose_precision(model.config, products, options.precision, options.threads, device)
            torch.set_num_threads(precision.threads)
            fitting = options.pass_tokens or _tokens_that_fit(model, precision.precision, device)
        write_json(file, {"processes": started.count, "pass_tokens": fitting, **asdict(precision)})
    wait_for_all()
    stored = read_json(file)
    if (before := stored.pop("processes")) != started.count:
        raise InputError(
            f"{work.parent} contains a training of {before} processes, but this command runs in {started.count}",
            f"Continue the training with --num_processes {before}, or give another --out.",
        )
    plan = TrainingPlan(pass_tokens=stored.pop("pass_tokens"), precision=PrecisionChoice(**stored))
    torch.set_num_threads(plan.precision.threads)
    return plan


def _tokens_that_fit(model: Any, precision: str, device: str) -> int:
    """Return how many tokens a forward pass can have. Several processes of a machine share the memory of processors."""
    short, long = (kept_bytes(model, tokens, precision) for tokens in (_SHORT, _LONG))
    each = max(1.0, (long - short) / (_LONG - _SHORT))
    available = _SHARE * memory(device) / (launched_process().on_machine if device == "cpu" else 1)
    return max(1, min(_MOST_TOKENS, int(available / each)))


def kept_bytes(model: Any, tokens: int, precision: str) -> int:
    """Return how many bytes a forward pass keeps for the backward pass, without the weights.

    The loss reads half of the tokens, which is more than in most trainings.

    Args:
        model: A causal language model.
        tokens: Number of tokens of the pass.
        precision: `float32` or `bfloat16`.
    """
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}
    kept: dict[int, torch.Tensor] = {}  # the tensors stay alive, so that no two of them have the same address

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place not in weights:
            kept[place] = tensor
        return tensor

    row = Encoded(list(range(tokens)), [place >= tokens // 2 for place in range(tokens)])
    kind = next(model.parameters()).device.type
    with (
        torch.random.fork_rng(devices=[]),  # dropout draws random numbers
        torch.autocast(kind, torch.bfloat16, enabled=precision == "bfloat16"),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        loss = batch_loss(model, padded_rows([row]))  # without it, the kept tensors would be freed
    size = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    del loss
    return size
