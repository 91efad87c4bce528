"""Writes a GGUF file again with other types of weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, LlamaFileType

__all__ = ["quantised", "rewrite"]

_BLOCK = 32
"""The number of weights in a block of the simple types. The rows of a quantised matrix consist of whole blocks."""

_OF_TOKENS = ("token_embd.weight", "output.weight")


def quantised(source: Path, target: Path, name: str) -> None:
    """Write a GGUF file again with quantised matrices.

    The matrices of the embeddings and of the output get 8 bits, because errors in them change answers most. Vectors,
    and matrices whose rows are not whole blocks, keep 32 bits.

    Args:
        source: The file with the weights.
        target: The file to write.
        name: The name of a type for which the package `gguf` has a quantisation: q4_0, q4_1, q5_0 or q5_1.
    """
    from gguf import GGMLQuantizationType, LlamaFileType

    matrices = GGMLQuantizationType[name.upper()]

    def stored(tensor: str, shape: tuple[int, ...]) -> GGMLQuantizationType:
        if len(shape) < 2 or shape[0] % _BLOCK:
            return GGMLQuantizationType.F32
        return GGMLQuantizationType.Q8_0 if tensor in _OF_TOKENS else matrices

    rewrite(source, target, stored, LlamaFileType[f"MOSTLY_{name.upper()}"])


def rewrite(
    source: Path,
    target: Path,
    stored: Callable[[str, tuple[int, ...]], GGMLQuantizationType],
    file_type: LlamaFileType,
) -> None:
    """Write a GGUF file again with other types of weights. All other fields stay the same.

    Args:
        source: The file with the weights.
        target: The file to write. It appears when it is complete.
        stored: Returns the new type of a tensor, from its name and its shape. The first number of the shape is the
            length of a row.
        file_type: The name of the types in the header.
    """
    from gguf import GGUFReader, GGUFWriter
    from gguf.quants import dequantize, quantize

    reader = GGUFReader(source)
    partial = target.with_name(f".{target.name}.partial")
    writer = GGUFWriter(partial, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        # The writer itself adds the architecture and the fields that describe the file.
        if not name.startswith("GGUF.") and name not in ("general.architecture", "general.file_type"):
            writer.add_key_value(name, field.contents(), *field.types[:2])
    writer.add_file_type(int(file_type))
    for tensor in reader.tensors:
        kind = stored(tensor.name, tuple(int(size) for size in tensor.shape))
        values = quantize(dequantize(tensor.data, tensor.tensor_type), kind)
        writer.add_tensor(tensor.name, values, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(target)
