"""Translates the rotary position embedding of a GGUF file to the settings of transformers.

Transformers reads only the base of the rotation. It ignores how the rotation is scaled for long contexts, and how many
dimensions of a head are rotated. The model would then compute other answers, and no error would be shown. These
scalings have the same formula in llama.cpp and in transformers:

| scaling | in the file |
|---|---|
| linear | `rope.scaling.factor`; the type `linear` is the default |
| yarn | `rope.scaling.type` is `yarn`; factor and original context length |
| Llama 3 | the tensor `rope_freqs.weight`, with a divisor for each frequency |

Gemma 3 rotates with other settings in the layers with a window: with another base, and without scaling.

Source: `llama_model_base::load_hparams` and `llama_context` in https://github.com/ggml-org/llama.cpp/tree/master/src,
and `generate_extra_tensors` in llama.cpp's converter
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.candidates.gguf_header import GgufHeader
from toolmark.benchmark.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from transformers import PretrainedConfig, PreTrainedModel

__all__ = ["LLAMA3_DIVISORS", "USE_ANOTHER_FILE", "check_rotation", "head_size", "set_rotation"]

USE_ANOTHER_FILE = (
    "Use the safetensors files of the model, for example --model hub/ORG/NAME. Or start llama.cpp's server with this "
    "file, and evaluate the server: docs/guide/deployment.md"
)

LLAMA3_DIVISORS = "rope_freqs.weight"

_BASE, _BASE_OF_WINDOWS = 10_000.0, 10_000.0
"""The bases that llama.cpp uses if the file names none: for all layers, and for Gemma 3's layers with a window."""

_LOW, _HIGH, _ORIGINAL = 1.0, 4.0, 8192
"""The settings of the scaling that all models of the Llama 3 family have: two divisors and the original context length.
A wavelength above length / `_LOW` is scaled by the whole factor. A wavelength below length / `_HIGH` is not scaled."""

_ROUNDING = 1e-4
"""The largest relative difference between a divisor in the file and the computed divisor."""


def head_size(header: GgufHeader) -> int:
    """Return the size of an attention head (its number of dimensions), as llama.cpp computes it."""
    heads = int(header.setting("attention.head_count", 1)) or 1
    return int(header.setting("attention.key_length", int(header.setting("embedding_length", 0)) // heads))


def set_rotation(file: Path, config: PretrainedConfig, header: GgufHeader) -> None:
    """Set the rotary position embedding in a configuration.

    Args:
        file: The GGUF file.
        config: The configuration that transformers made. It is changed.
        header: The header of the file.

    Raises:
        InputError: The file has a scaling that transformers cannot compute in the same way.
    """
    text: Any = config.get_text_config()
    before: Any = getattr(text, "rope_parameters", None)
    if not before:
        return
    if "full_attention" in before:
        if header.architecture == "gemma3":
            base = float(header.setting("rope.freq_base_swa", _BASE_OF_WINDOWS))
            text.rope_parameters = {
                "sliding_attention": {"rope_type": "default", "rope_theta": base},
                "full_attention": _parameters(file, header, before["full_attention"]),
            }
        return
    text.rope_parameters = _parameters(file, header, before)


def _parameters(file: Path, header: GgufHeader, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the layers that see the whole prompt. `before` are the settings that transformers made."""
    kept = {name: value for name, value in before.items() if name.startswith("mrope_")}
    base = {"rope_theta": float(header.setting("rope.freq_base", _BASE))}
    share = int(header.setting("rope.dimension_count", head_size(header))) / head_size(header)
    part = {"partial_rotary_factor": share} if share != 1 or "partial_rotary_factor" in before else {}
    return {**kept, **base, **part, **_scaling(file, header)}


def _scaling(file: Path, header: GgufHeader) -> dict[str, Any]:
    kind = str(header.setting("rope.scaling.type", "linear"))
    factor = float(header.setting("rope.scaling.factor", header.setting("rope.scale_linear", 0.0)))
    scaled = kind != "none" and factor not in (0.0, 1.0)
    if LLAMA3_DIVISORS in header.tensors and not scaled:
        return _llama3(file, header)
    if not scaled and kind in ("none", "linear", "yarn"):
        return {"rope_type": "default"}
    if kind not in ("linear", "yarn") or not 0 < factor < math.inf or LLAMA3_DIVISORS in header.tensors:
        divisors = f" and {LLAMA3_DIVISORS}" if LLAMA3_DIVISORS in header.tensors else ""
        raise InputError(
            f"{file} scales its rotary positions by the type {kind!r} with the factor {factor:g}{divisors}, which "
            "cannot be converted",
            USE_ANOTHER_FILE,
        )
    if kind == "linear":
        return {"rope_type": "linear", "factor": factor}
    length = header.setting("rope.scaling.original_context_length", header.setting("context_length", 0))
    return {
        "rope_type": "yarn",
        "factor": factor,
        "original_max_position_embeddings": int(length),
        "beta_fast": float(header.setting("rope.scaling.yarn_beta_fast", 32.0)),
        "beta_slow": float(header.setting("rope.scaling.yarn_beta_slow", 1.0)),
    }


def _llama3(file: Path, header: GgufHeader) -> dict[str, Any]:
    """Return the settings from which transformers computes the divisors of the frequencies in the file.

    A frequency is divided by the factor if its wavelength is longer than the original context length, and by 1 if its
    wavelength is shorter than a quarter of this length. The original context length is computed from the
    divisor of a wavelength in between.
    """
    import numpy as np
    from gguf import GGUFReader, dequantize

    stored = next(tensor for tensor in GGUFReader(file).tensors if tensor.name == LLAMA3_DIVISORS)
    divisors = dequantize(stored.data, stored.tensor_type).astype(np.float64).reshape(-1)
    size = int(header.setting("rope.dimension_count", head_size(header)))
    wavelengths = 2 * math.pi * float(header.setting("rope.freq_base", _BASE)) ** (np.arange(0, size, 2) / size)
    factor = float(divisors.max(initial=1.0))
    if divisors.shape == wavelengths.shape and np.allclose(divisors, 1.0, rtol=_ROUNDING):
        return {"rope_type": "default"}
    original = _ORIGINAL
    between = np.flatnonzero((divisors > 1 + _ROUNDING) & (divisors < factor * (1 - _ROUNDING)))
    if divisors.shape == wavelengths.shape and len(between):
        one = between[len(between) // 2]
        kept = (1 / divisors[one] - 1 / factor) / (1 - 1 / factor)
        original = round(wavelengths[one] * (_LOW + kept * (_HIGH - _LOW)))
    if divisors.shape != wavelengths.shape or not np.allclose(
        divisors, _divisors(wavelengths, factor, original), rtol=_ROUNDING, atol=0
    ):
        raise InputError(
            f"{file} divides the frequencies of its rotary positions by other numbers than models of the Llama 3 "
            f"family ({LLAMA3_DIVISORS}), which cannot be converted",
            USE_ANOTHER_FILE,
        )
    return {
        "rope_type": "llama3",
        "factor": factor,
        "low_freq_factor": _LOW,
        "high_freq_factor": _HIGH,
        "original_max_position_embeddings": original,
    }


def _divisors(lengths: np.ndarray, factor: float, original: int) -> np.ndarray:
    import numpy as np

    kept = np.clip((original / lengths - _LOW) / (_HIGH - _LOW), 0.0, 1.0)
    divisors: np.ndarray = 1 / ((1 - kept) / factor + kept)
    return divisors


def check_rotation(file: Path, model: PreTrainedModel, header: GgufHeader) -> None:
    """Check how many dimensions of a head a model rotates. Not every architecture of transformers can rotate a part.

    Raises:
        InputError: The model rotates more or fewer dimensions than the file says.
    """
    rotated = int(header.setting("rope.dimension_count", head_size(header)))
    for name, frequencies in model.named_buffers():
        if name.endswith("inv_freq") and "original" not in name and 2 * frequencies.numel() != rotated:
            raise InputError(
                f"{file} rotates {rotated:,} dimensions of a head, but the architecture of transformers rotates "
                f"{2 * frequencies.numel():,} dimensions",
                USE_ANOTHER_FILE,
            )
