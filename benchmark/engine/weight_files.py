"""Counts the parameters of a model from the headers of its weight files, without loading the weights."""

from __future__ import annotations

from math import prod
from pathlib import Path

from toolmark.benchmark.core.errors import InputError

__all__ = ["count_parameters"]


def count_parameters(folder: Path) -> int:
    """Return the number of parameters in the `*.safetensors` files of a folder.

    Raises:
        InputError: A file is not complete, or is not a safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    total = 0
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy") as tensors:
                total += sum(prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise InputError(f"{file} cannot be read: {error}", "Download or save the model again.") from None
    return total
