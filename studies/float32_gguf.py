"""Writes a GGUF file again with all weights in float32, so llama.cpp computes with the same weights as transformers."""

from __future__ import annotations

from pathlib import Path

__all__ = ["float32_gguf"]


def float32_gguf(source: Path, target: Path) -> Path:
    """Write `source` to `target` with all weights in float32, unless `target` exists. Return `target`."""
    if target.is_file():
        return target
    from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
    from gguf.quants import dequantize

    reader = GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    writer = GGUFWriter(partial, architecture)
    for name, field in reader.fields.items():
        # The writer itself adds the architecture and the fields that describe the file.
        if not name.startswith("GGUF.") and name not in ("general.architecture", "general.file_type"):
            writer.add_key_value(name, field.contents(), *field.types[:2])
    writer.add_file_type(0)
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, values, raw_dtype=GGMLQuantizationType.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(target)
    return target
