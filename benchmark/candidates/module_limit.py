"""Limits the number of layers, heads and experts that the file of a model can name.

Libraries make as many layers as the file says, however large the number is.
"""

from __future__ import annotations

__all__ = ["most_modules"]

_ALWAYS_ALLOWED = 1024


def most_modules(tensors: int) -> int:
    """Return the largest number of layers, heads, experts or labels that is allowed.

    A number up to 1,024 is always allowed. A larger number must not be larger than the number of tensors, because every
    layer has at least one tensor.

    Args:
        tensors: Number of tensors in the files of the model.
    """
    return max(_ALWAYS_ALLOWED, tensors)
