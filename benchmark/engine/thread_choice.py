"""Chooses the number of processor threads by measuring a few matrix products.

The best number is not known in advance. On two idle processors, two threads are nearly twice as fast as one. But if
another program uses one of the processors, the threads of a model wait for each other after each of many small
operations, and two threads can be 20 times slower than one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from toolmark.benchmark.core.launched_process import launched_process
from toolmark.benchmark.engine.multiplication_speed import Shape, flops_per_second
from toolmark.benchmark.engine.torch_build import processor_count

__all__ = ["ThreadChoice", "choose_threads", "use_threads"]

_SMALL_MODEL = 50_000_000
"""A model with fewer parameters uses one thread by default. The reason: on an idle machine, two threads are hardly
faster than one thread, and on a busy machine, threads wait for each other. For example, if other processes use both
cores, a model with 3M parameters is 8 times slower with two threads than with one thread."""

_MORE_THREADS_PAY = 1.5
"""More threads are chosen only if the measured rate is higher by this factor. Threads also wait for each other between
the products, and the measurement does not include this time. Beside other programs, two threads had a factor of 1.2,
and SmolLM2 took 75 seconds for a step of a training with two threads, but 33 seconds with one. On two idle cores, the
factor is about 1.9."""

_SECONDS = 1.5
"""Time of one measurement."""


@dataclass(frozen=True, slots=True)
class ThreadChoice:
    """A number of threads.

    Attributes:
        threads: The chosen number.
        rates: For each measured number of threads, the operations per second. Empty if only one number is possible.
    """

    threads: int
    rates: Mapping[int, float] = field(default_factory=dict)


def choose_threads(dtype: str = "float32", shape: Shape | None = None) -> ThreadChoice:
    """Choose one thread, or a thread for each processor, by the measured speed of a product.

    Several processes of a machine share its processors. The variable OMP_NUM_THREADS limits the number of threads.

    Args:
        dtype: Name of the torch data type of the products.
        shape: The shape of the products. None means the default shape.
    """
    most = _most_threads()
    if most == 1:
        return ThreadChoice(1)
    rates = {count: flops_per_second(dtype, shape or Shape(), threads=count, seconds=_SECONDS) for count in (1, most)}
    return ThreadChoice(most if rates[most] >= _MORE_THREADS_PAY * rates[1] else 1, rates)


def _most_threads() -> int:
    """Return the largest number of threads: the processors that are cores of their own, divided among the processes."""
    import psutil

    limit = os.environ.get("OMP_NUM_THREADS", "")
    cores = psutil.cpu_count(logical=False) or processor_count()
    return max(1, min(int(limit) if limit.isdecimal() else cores, processor_count() // launched_process().on_machine))


def use_threads(option: int | None, device: str, parameters: int) -> None:
    """Set the number of processor threads that torch uses for a model.

    Args:
        option: The number of threads. None means one thread for a small model on the processor, and the faster number
            for others.
        device: Name of a device in `DEVICES`.
        parameters: Number of parameters of the model.
    """
    import torch

    if device == "cpu" or option is not None:
        torch.set_num_threads(option or (1 if parameters < _SMALL_MODEL else choose_threads().threads))
