"""Measures how fast this machine multiplies matrices in a data type.

The speed must be measured, because processors are very different. Some processors have instructions for bfloat16. Other
processors need 40 times longer for bfloat16 than for float32. So the measurement has a time limit.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["Shape", "flops_per_second"]

_FIRST_ROWS = 8
"""The number of rows in the first product. Even in a slow data type, a product with so few rows takes less than a
second."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a product of two matrices: (rows × inner) times (inner × columns).

    Attributes:
        rows: Rows of the first matrix, for example the tokens of a batch.
        inner: Columns of the first matrix, for example the hidden size of a model.
        columns: Columns of the second matrix, for example the size of a feed-forward layer.
    """

    rows: int = 512
    inner: int = 1024
    columns: int = 1024


def flops_per_second(
    dtype: str, shape: Shape = Shape(), *, device: str = "cpu", threads: int | None = None, seconds: float = 1.0
) -> float:
    """Return the rate of a matrix product, in floating-point operations per second.

    A multiplication and an addition count as two operations. The first product has few rows. Each further product has
    twice as many rows, up to `shape.rows`. The measurement ends earlier if the next product could take too long. The
    highest rate of all products is returned, because other processes can only make a product slower.

    Args:
        dtype: Name of a torch data type, for example `bfloat16`.
        shape: The shape of the product.
        device: `cpu`, `cuda` or `mps`.
        threads: Number of processor threads of torch during the measurement. None means the current number.
        seconds: The measurement ends after about this time.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        return _highest_rate(getattr(torch, dtype), shape, device, seconds)
    finally:
        torch.set_num_threads(before)


def _highest_rate(kind: torch.dtype, shape: Shape, device: str, seconds: float) -> float:
    import torch

    right = torch.ones(shape.inner, shape.columns, dtype=kind, device=device)
    ends = time.perf_counter() + seconds
    rows, best = min(_FIRST_ROWS, shape.rows), 0.0
    while True:
        left = torch.ones(rows, shape.inner, dtype=kind, device=device)
        took = _seconds(left, right)
        best = max(best, 2.0 * rows * shape.inner * shape.columns / took)
        larger = min(2 * rows, shape.rows)
        if time.perf_counter() + 3 * took * larger / rows > ends:
            return best
        rows = larger


def _seconds(left: object, right: object) -> float:
    """Multiply twice, and return the shorter time in seconds. Perhaps torch starts its threads in the first product."""
    took = []
    for _ in range(2):
        began = time.perf_counter()
        _ = (left @ right)[0, 0].item()  # type: ignore[operator]  # `item` waits until the device has computed it.
        took.append(time.perf_counter() - began)
    return max(min(took), 1e-9)
