"""Chooses the number of threads and the precision of a training by measuring a few matrix products.

The best choice is not known in advance. bfloat16 is several times faster than float32 on a processor with bfloat16
instructions, and 40 times slower on other processors. The measured products have the shapes of the model's products.
The measurement takes less than ten seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from toolmark.benchmark.engine.devices import choose_dtype
from toolmark.benchmark.engine.multiplication_speed import Shape, flops_per_second
from toolmark.benchmark.engine.thread_choice import ThreadChoice, choose_threads

if TYPE_CHECKING:
    from transformers import PretrainedConfig

__all__ = ["PrecisionChoice", "choose_precision"]

_SECONDS_PER_MEASUREMENT = 1.5
"""Time of one measurement. There are at most two measurements, after those of the threads."""

_BFLOAT16_PAYS = 2.0
"""bfloat16 is chosen only if the measured rate is higher by this factor. The other parts of a training are not faster
in bfloat16, and bfloat16 gradients are less precise."""


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """The chosen threads and precision.

    Attributes:
        threads: Number of threads that torch uses.
        precision: `float32` or `bfloat16`.
        why: The choice and the measured rates, in words.
    """

    threads: int
    precision: str
    why: str


def choose_precision(
    config: PretrainedConfig,
    tokens: int,
    precision: Literal["auto", "float32", "bfloat16"],
    threads: int | None,
    device: str = "cpu",
) -> PrecisionChoice:
    """Choose the number of threads, and then the precision. Several processes of a machine share its processors.

    Args:
        config: The configuration of the model. The measured products have the model's hidden size and feed-forward
            size.
        tokens: Number of tokens in a forward pass.
        precision: The precision that the user chose. `auto` stands for the faster precision.
        threads: The number of threads that the user chose. None stands for the number with the highest speed.
        device: The device of the training. Only a processor is measured.
    """
    import torch

    if device != "cpu":
        found = choose_dtype(precision, device)
        return PrecisionChoice(threads or torch.get_num_threads(), found, f"{found} on {device}")
    wanted = "float32" if precision == "auto" else precision
    sizes = config.get_text_config()
    shape = Shape(tokens, sizes.hidden_size, getattr(sizes, "intermediate_size", None) or 4 * sizes.hidden_size)
    choice = ThreadChoice(threads) if threads else choose_threads(wanted, shape)

    def rate(dtype: str) -> float:
        return flops_per_second(dtype, shape, threads=choice.threads, seconds=_SECONDS_PER_MEASUREMENT)

    by_precision = {wanted: choice.rates.get(choice.threads, 0.0)}
    if precision == "auto":
        by_precision = {name: rate(name) for name in ("float32", "bfloat16")}
    chosen = wanted
    if by_precision.get("bfloat16", 0.0) > _BFLOAT16_PAYS * by_precision.get("float32", float("inf")):
        chosen = "bfloat16"
    measured = [f"{found / 1e9:,.1f} GFLOP/s in {name}" for name, found in by_precision.items() if found]
    measured += [
        f"{found / 1e9:,.1f} with {count} thread{'s' if count > 1 else ''}"
        for count, found in choice.rates.items()
        if count != choice.threads
    ]
    why = f"threads: {choice.threads}, {chosen} ({', '.join(measured) or 'as given'})"
    return PrecisionChoice(choice.threads, chosen, why)
