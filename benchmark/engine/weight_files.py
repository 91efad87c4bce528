"""Reads the headers of a model's weight files, without loading the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.engine.model_config import read_object

__all__ = ["StoredTensor", "count_parameters", "stored_tensors"]

_FLOATS = {"F64", "F32", "F16", "BF16"}

_SINGLE, _INDEX = "model.safetensors", "model.safetensors.index.json"

_AGAIN = "Download the model again, or save it again with save_pretrained()."


def count_parameters(folder: Path) -> int:
    """Return the number of parameters in the weight files of a model directory.

    Raises:
        InputError: The same errors as `stored_tensors`.
    """
    return sum(prod(tensor.shape) for tensor in stored_tensors(folder).values())


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a weight file.

    Attributes:
        shape: The shape of the tensor.
        dtype: The data type of the tensor, as safetensors names it.
    """

    shape: tuple[int, ...]
    dtype: str

    @property
    def is_float(self) -> bool:
        """Return whether the tensor contains the weights themselves, and not the codes of a quantisation."""
        return self.dtype in _FLOATS


def stored_tensors(folder: Path) -> Mapping[str, StoredTensor]:
    """Return all tensors that transformers reads from a model directory. The key is the name of the tensor.

    The weights are either in one file, or in several files that are listed in an index.

    Raises:
        InputError: A weight file is missing, not complete, or not a safetensors file, or the index is wrong.
    """
    from safetensors import SafetensorError, safe_open

    stored: dict[str, StoredTensor] = {}
    for name in _files(folder):
        try:
            with safe_open(folder / name, framework="numpy") as tensors:
                for key in tensors.keys():  # noqa: SIM118
                    tensor = tensors.get_slice(key)
                    stored[key] = StoredTensor(tuple(tensor.get_shape()), tensor.get_dtype())
        except (SafetensorError, OSError) as error:
            raise InputError(f"{folder / name} cannot be read: {error}", _AGAIN) from None
    if not stored:
        raise InputError(f"the weight files of {folder} contain no tensors", _AGAIN)
    return stored


def _files(folder: Path) -> list[str]:
    if (folder / _SINGLE).is_file():
        return [_SINGLE]
    index = folder / _INDEX
    if not index.is_file():
        raise InputError(
            f"{folder} has neither {_SINGLE} nor {_INDEX}",
            "Save the model with save_pretrained(). Toolmark does not read pickle files.",
        )
    content = read_object(index)
    listed = content.get("weight_map")
    if not isinstance(listed, dict) or not all(isinstance(name, str) for name in listed.values()):
        raise InputError(f"{index} has no weight_map from tensors to files", _AGAIN)
    if not isinstance(content.get("metadata"), dict):
        raise InputError(f"{index} has no metadata, which transformers needs", f'Write "metadata": {{}} into {_INDEX}.')
    names = sorted(set(listed.values()))
    for name in names:
        if Path(name).name != name or "\\" in name:
            raise InputError(f"{index} lists {name[:80]!r}, which is not a file of this folder", _AGAIN)
    present = {file.name for file in folder.iterdir()}
    if missing := [name for name in names if name not in present]:
        raise InputError(
            f"{index} lists files that are missing ({len(missing)}), for example {missing[0][:80]}",
            "Download the missing files, or save the model again with save_pretrained().",
        )
    return names
