"""Writes a GGUF file again with all weights in float32, so llama.cpp computes with the same weights as transformers."""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.engine.gguf_rewriting import rewrite

__all__ = ["float32_gguf"]


def float32_gguf(source: Path, target: Path) -> Path:
    """Write `source` to `target` with all weights in float32, unless `target` exists. Return `target`."""
    if target.is_file():
        return target
    from gguf import GGMLQuantizationType, LlamaFileType

    target.parent.mkdir(parents=True, exist_ok=True)
    rewrite(source, target, lambda *_: GGMLQuantizationType.F32, LlamaFileType.ALL_F32)
    return target
