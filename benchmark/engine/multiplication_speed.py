"""Measures how fast this machine multiplies matrices in a data type.

Processors differ much. Some have instructions for bfloat16. Others need 40 times longer for bfloat16 than for float32.
So the speed is measured, and the time of the measurement is limited.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

__all__ = ["Shape", "flops_per_second"]

_FIRST_ROWS = 8
"""The measurement starts with this number of rows. Even a slow data type multiplies them in less than a second."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a product of two matrices, (rows × inner) times (inner × columns).

    Attributes:
        rows: Rows of the first matrix, for example the tokens of a batch.
        inner: Columns of the first matrix, for example the hidden size of a model.
        columns: Columns of the second matrix, for example the size of a feed-forward layer.
    """

    rows: int = 512
    inner: int = 1024
    columns: int = 1024


def flops_per_second(dtype: str, shape: Shape = Shape(), *, device: str = "cpu", seconds: float = 1.0) -> float:
    """The rate of a matrix product, in floating-point operations a second. One multiply-add counts as two operations.

    The number of rows is doubled until it reaches `shape.rows`, or until the next product might exceed `seconds`. The
    best rate counts, because other processes only make a product slower.

    Args:
        dtype: Name of a torch data type, for example `bfloat16`.
        shape: The shape of the product.
        device: `cpu`, `cuda` or `mps`.
        seconds: The measurement ends after about this time.
    """
    import torch

    kind = getattr(torch, dtype)
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
    """The shorter time of two products. The first product may include the start of torch's threads."""
    took = []
    for _ in range(2):
        began = time.perf_counter()
        _ = (left @ right)[0, 0].item()  # type: ignore[operator]  # `item` waits for the device
        took.append(time.perf_counter() - began)
    return max(min(took), 1e-9)
