"""Checks and reads the weights of an adapter.

Only the tensors that PEFT itself would write for this adapter are read, and only if their shapes are right. So a file
of an adapter cannot replace weights of the base, and no memory is used for tensors of a wrong size.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.candidates.adapter_config import ADAPTER_WEIGHTS

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["WeightsError", "read_weights"]

_PREFIX = "base_model.model."
"""PEFT writes this before the name of each module."""


class WeightsError(ValueError):
    """The weights of an adapter do not fit its settings and its base."""


def read_weights(folder: Path, expected: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Return the weights in the folder of an adapter.

    The file is allowed to contain weights of the base, too, if they are equal to those in the base. PEFT writes such
    weights into the file of an adapter of the embeddings. This function does not return weights of the base.

    Args:
        folder: The folder of the adapter.
        expected: For each name in PEFT's file, a tensor of the right shape. The values of the tensors are not used.
        model: The base.

    Raises:
        WeightsError: The file cannot be read, or one of its tensors is missing, is not expected, has a wrong shape, or
            has values that are not finite numbers.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / ADAPTER_WEIGHTS
    try:
        with safe_open(path, framework="pt") as file:
            _check_names(set(file.keys()), expected, file, model)
            for name, tensor in expected.items():
                shape, right = tuple(file.get_slice(name).get_shape()), tuple(tensor.shape)
                if shape != right:
                    raise WeightsError(
                        f"{name} has the shape {_times(shape)}, but the settings and the base require {_times(right)}"
                    )
            weights = {name: file.get_tensor(name) for name in expected}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} cannot be read: {error}") from None
    for name, tensor in weights.items():
        if not tensor.is_floating_point():
            raise WeightsError(f"{name} contains {str(tensor.dtype).removeprefix('torch.')} values, not weights")
        if not tensor.isfinite().all():
            raise WeightsError(f"{name} contains values that are not finite numbers (NaN or infinite)")
    return weights


def _check_names(names: Collection[str], expected: Mapping[str, Tensor], file: Any, model: nn.Module) -> None:
    if missing := sorted(expected.keys() - names):
        raise WeightsError(f"{len(missing)} weights are missing, for example {missing[0]}")
    base = dict(model.named_parameters(remove_duplicate=False))
    unexpected = []
    for name in sorted(names - expected.keys()):
        own = base.get(name.removeprefix(_PREFIX).replace(".base_layer.", "."))
        if own is None:
            unexpected.append(name)
        elif not _repeats(file, name, own):
            raise WeightsError(
                f"the file contains not only weights of an adapter, but also a changed weight of the base: {name}. "
                "For example, the embeddings were resized, or biases were trained"
            )
    if unexpected:
        raise WeightsError(f"{len(unexpected)} weights are unexpected, for example {unexpected[0]}")


def _repeats(file: Any, name: str, own: Tensor) -> bool:
    """Return whether the tensor in a file is equal to a weight of the base."""
    if tuple(file.get_slice(name).get_shape()) != tuple(own.shape):
        return False
    return bool((file.get_tensor(name).to(own.device, own.dtype) == own).all())


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "()"
