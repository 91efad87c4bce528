"""Loads a base model. Runs, checks, merges and trainings load every base with `load_base`.

If weights are missing in the files of a model, transformers makes random weights, and only prints a warning. A random
model would then be judged as if it were the base. Transformers reports three kinds of keys after loading. Here, each of
them is an error:

| keys | problem |
|---|---|
| missing | the weights of a layer would be random |
| mismatched | the weights of a layer would be random, because those in the file have another shape |
| unexpected | the file has layers that the architecture in `config.json` does not compute |

Transformers does not report keys that are never a problem: tied weights, buffers that are computed, and the keys that a
model class names in `_keys_to_ignore_on_load_missing` and `…_unexpected`. There is one more exception: a checkpoint for
text and images can be loaded for text only. Its unexpected keys are no problem if they lie outside of the text model.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.engine.loading_errors import loading, quantisation
from toolmark.benchmark.engine.model_config import check_config, check_stops
from toolmark.benchmark.engine.weight_files import StoredTensor, stored_tensors

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

__all__ = ["check_base", "check_keys", "check_size", "empty_model", "load_base"]

_SHOWN = 3
"""Number of keys that an error names."""

_PACKED = 16
"""The largest number of weights that a quantised file stores in one number."""

_SPARE = 1_000_000
"""Number of weights that the architecture is allowed to have in addition to those in the files. Buffers that are
computed are not in the files."""

_TEXT = {"text_config", "quantization_config", "generation_config", "compression_config", "rope_parameters"}
"""Parts of a configuration that do not belong to a model for images, sound or video."""


def load_base(base: Path, dtype: torch.dtype, **options: Any) -> PreTrainedModel:
    """Load a causal language model from safetensors files into the memory of the processor.

    Args:
        base: The model directory.
        dtype: The data type of the weights.
        options: More arguments of transformers' `from_pretrained`.

    Raises:
        InputError: The directory is no complete model, or its weights do not match its architecture.
        EnvironmentFault: A package, a device or memory for this model is missing.
    """
    with loading(base):
        config = check_base(base)
        from transformers import AutoModelForCausalLM

        loaded: Any = AutoModelForCausalLM.from_pretrained(
            base,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # Then transformers reports them, and `check_keys` raises an error.
            **_attention(config),
            **options,
        )
        model: PreTrainedModel
        model, report = loaded
        check_keys(base, model, report, config)
    return model


def _attention(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the option for the attention of models with soft-capped logits, for example Gemma 2.

    Some versions of transformers choose an attention that ignores the cap without an error.
    """
    parts = (config, config.get("text_config"))
    capped = any(isinstance(part, Mapping) and part.get("attn_logit_softcapping") for part in parts)
    return {"attn_implementation": "eager"} if capped else {}


def check_base(base: Path) -> dict[str, Any]:
    """Check the files of a base, without loading its weights. Every engine calls this function before it loads a base.

    Returns:
        The content of `config.json`.

    Raises:
        InputError: The directory is no complete model, or its configuration is not that of its weights.
        EnvironmentFault: A package for this model is missing.
    """
    with loading(base):
        _check_no_adapter(base)
        stored = stored_tensors(base)
        config = check_config(base, len(stored))
        check_stops(base)
        _check_numbers(base, stored)
        from transformers import AutoConfig

        architecture = AutoConfig.from_pretrained(base, trust_remote_code=False, local_files_only=True)
        held = sum(prod(tensor.shape) for tensor in stored.values())
        check_size(base, architecture, held * (_PACKED if quantisation(base) else 1))
    return config


def _check_no_adapter(base: Path) -> None:
    """Check that there is no adapter in the directory, because transformers would add it to the model."""
    if (base / ADAPTER_CONFIG).exists():
        raise InputError(
            f"{base} has the files of an adapter beside those of a model",
            "Move adapter_config.json and the weights of the adapter to a folder of their own: --adapter FOLDER",
        )


def _check_numbers(base: Path, stored: Mapping[str, StoredTensor]) -> None:
    """Check that the weights of a model without quantisation are not integers.

    Transformers would convert the integers to floats, and these would be wrong weights.
    """
    codes = [key for key, tensor in sorted(stored.items()) if key.endswith(".weight") and not tensor.is_float]
    if codes and not quantisation(base):
        raise InputError(
            f"{len(codes):,} weights of {base} are of the type {stored[codes[0]].dtype}, for example {codes[0]}, "
            "but config.json contains no quantisation",
            "Use the config.json that was saved with these weights, or the variant that is not quantised.",
        )


def check_size(base: Path, config: PretrainedConfig, held: int) -> None:
    """Check that the architecture in a configuration does not have many more weights than the files.

    Args:
        base: The model directory or GGUF file, for the error.
        config: The configuration.
        held: Number of weights in the files.

    Raises:
        InputError: The architecture has many more weights.
    """
    empty = empty_model(config)
    described = sum(part.numel() for part in (*empty.parameters(), *empty.buffers()))
    if described > 2 * held + _SPARE:
        raise InputError(
            f"the configuration of {base} describes {described:,} parameters, but the weight files have only {held:,}",
            "Use the configuration that was saved with these weights, or download the model again.",
        )


def empty_model(config: PretrainedConfig) -> PreTrainedModel:
    """Return a model with this configuration on torch's device `meta`, which uses no memory."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        empty: PreTrainedModel = AutoModelForCausalLM.from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]
    return empty


def check_keys(base: Path, model: PreTrainedModel, report: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Check the keys that transformers reports after loading.

    Args:
        base: The model directory or GGUF file, for the error.
        model: The loaded model.
        report: The report of transformers.
        config: The configuration.

    Raises:
        InputError: Weights are missing, have another shape, or do not belong to the architecture.
    """
    mismatched = {key: f"{key} ({_shape(stored)} instead of {_shape(made)})" for key, stored, made in _rows(report)}
    unexpected = set(report["unexpected_keys"])
    if _has_other_inputs(config):
        modules = {name for name, _ in model.named_modules()}
        unexpected = {key for key in unexpected if _in_text_model(key, modules)}
    problems = (
        ("missing in the files", sorted(set(report["missing_keys"]) - set(mismatched))),
        ("of another shape", [mismatched[key] for key in sorted(mismatched)]),
        ("not part of the architecture", sorted(unexpected)),
    )
    found = [f"{problem} ({len(keys):,}): {_some(keys)}" for problem, keys in problems if keys]
    if found:
        raise InputError(
            f"the weights of {base}{quantisation(base)} do not match its configuration: {'; '.join(found)}",
            "Use the configuration that was saved with these weights, or download the model again.",
        )
    if report.get("error_msgs"):
        raise InputError(f"{base} cannot be loaded: {str(report['error_msgs'][0])[:300]}", "Download the model again.")


def _rows(report: Mapping[str, Any]) -> Collection[tuple[str, Any, Any]]:
    rows: Collection[tuple[str, Any, Any]] = report["mismatched_keys"]
    return rows


def _shape(sizes: Any) -> str:
    return "×".join(map(str, sizes)) or "a single number"


def _some(keys: Collection[str]) -> str:
    shown = [key[:120] for key in keys][:_SHOWN]
    return ", ".join(shown) + (", …" if len(keys) > _SHOWN else "")


def _has_other_inputs(config: Mapping[str, Any]) -> bool:
    """Return whether a configuration describes a model that also reads images, sound or video."""
    parts = {name for name, value in config.items() if name.endswith("_config") and isinstance(value, dict)}
    return bool(parts - _TEXT)


def _in_text_model(key: str, modules: Collection[str]) -> bool:
    """Return whether an unexpected key lies inside a part of the loaded model.

    For example, `model.layers.9.mlp.bias` lies inside `model.layers`. But `model.vision_tower.norm.weight` does not lie
    inside a part, because the loaded model has no `model.vision_tower`. The modules of `_containers` do not count as
    parts.
    """
    names = key.split(".")
    inside = ""
    for depth in range(1, len(names)):
        path = ".".join(names[:depth])
        if path not in modules:
            break
        inside = path
    return inside not in _containers(modules)


def _containers(modules: Collection[str]) -> set[str]:
    """Return the names of the root of a model and of all modules that contain the list of its numbered layers.

    For example, if the layers are `model.layers.0`, `model.layers.1` and so on, the names are `model` and the empty
    name of the root.
    """
    lists = {name.rpartition(".")[0] for name in modules if name.rpartition(".")[2] == "0"}
    outermost = {name for name in lists if not any(name.startswith(f"{other}.") for other in lists)}
    parents = {""}
    for name in outermost:
        while name := name.rpartition(".")[0]:
            parents.add(name)
    return parents
