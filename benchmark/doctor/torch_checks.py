"""Checks torch: its build, the devices that it finds, and how fast this machine multiplies matrices.

These checks import torch, so they run in a process of their own (`child_process.py`).
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from toolmark.benchmark.doctor.findings import Check, Finding, brief, ok, problem, warning

__all__ = ["torch_checks"]

_SECONDS = 1.0
"""The time of each measurement of speed, in seconds."""

_SLOW = 4e9
"""A rate in operations per second. At a lower rate, a model with 10⁹ parameters needs more than five minutes to read a
prompt of 700 tokens.
"""

_NVIDIA_DRIVER = Path("/proc/driver/nvidia")


def torch_checks() -> Iterator[Check]:
    """Yield the checks of torch. If torch cannot be imported, yield only one check."""
    found: list[Finding] = []

    def build() -> Finding:
        found.append(_build())
        return found[0]

    yield "torch", build
    if found and found[0].state != "problem" and find_spec("torch") is not None:
        yield "devices", _devices
        yield "speed", _speed


def _build() -> Finding:
    if find_spec("torch") is None:
        return warning(
            "not installed, so no model can run or be trained on this machine; served models, recorded answers and "
            "policies can be evaluated",
            "Install: pip install 'toolmark[local]'",
        )
    from toolmark.benchmark.engine.torch_build import torch_build

    try:
        build = torch_build()
    except Exception as error:  # A broken installation can raise any error.
        return problem(
            f"installed, but cannot be imported: {brief(error)}",
            "Install it again: pip install --force-reinstall --no-cache-dir torch",
        )
    if not build.gpu and _NVIDIA_DRIVER.exists():
        return warning(
            f"{build.version}, built for processors only, but this machine has an NVIDIA driver",
            "Install a build for CUDA: pip install --force-reinstall torch --index-url URL, with the URL for CUDA from "
            "https://pytorch.org/get-started/locally",
        )
    return ok(f"{build.version}, built for {build.gpu or 'processors only'}")


def _devices() -> Finding:
    from toolmark.benchmark.engine.devices import DEVICES, choose_device, choose_dtype, why_missing

    device = choose_device("auto")
    others = [f"--device {name}" for name in DEVICES if name not in (device, "cpu") and why_missing(name) is None]
    possible = f" ({' and '.join(others)} can be chosen, too)" if others else ""
    return ok(f"models run on {device} in {choose_dtype('auto', device)}{possible}; {_processor()}")


def _processor() -> str:
    from toolmark.benchmark.engine.torch_build import processor_count

    usable = processor_count()
    return f"{usable} processor{'s' if usable > 1 else ''} ({_processor_name()})"


def _processor_name() -> str:
    """Return the name of the processor. If the system does not tell the name, return the kind of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return brief(next(names, platform.processor() or platform.machine()))


def _speed() -> Finding:
    from toolmark.benchmark.engine.devices import choose_device
    from toolmark.benchmark.engine.multiplication_speed import flops_per_second
    from toolmark.benchmark.engine.thread_choice import ThreadChoice, choose_threads
    from toolmark.benchmark.engine.torch_build import thread_count

    device = choose_device("auto")
    choice = choose_threads() if device == "cpu" else ThreadChoice(thread_count())
    rates = {
        dtype: flops_per_second(dtype, device=device, threads=choice.threads, seconds=_SECONDS)
        for dtype in ("float32", "bfloat16")
    }
    measured = ", ".join(f"{rate / 1e9:,.1f} GFLOP/s in {dtype}" for dtype, rate in rates.items())
    if device != "cpu":
        return ok(f"{measured}, on {device}")
    found = f"{measured}, with {_threads(choice.threads)}"
    for other in choice.rates.keys() - {choice.threads}:
        found += f"; {choice.rates[other] / 1e9:,.1f} GFLOP/s in float32 with {_threads(other)}"
    if choice.threads < max(choice.rates, default=1):
        return warning(
            f"{found}: probably other processes use this machine",
            "Stop other programs. Beside them, runs use one thread and take longer.",
        )
    if max(rates["float32"], rates["bfloat16"]) < _SLOW:
        return warning(f"{found}: slow", "Stop other programs. Or use a small model, for example --model pocket.")
    return ok(found)


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"
