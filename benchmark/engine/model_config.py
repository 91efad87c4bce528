"""Reads and checks the configuration of a model directory, before a library reads it.

Transformers makes as many layers as `config.json` says, however large the number is. If `config.json` names an
implementation of attention on the hub, transformers downloads this code and runs it. So this module checks all numbers
and names that can have such effects. It does not import torch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from toolmark.benchmark.candidates.module_limit import most_modules
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.engine.loading_errors import cause, loading

__all__ = ["check_config", "check_stops", "configured_stops", "context_length", "read_object"]

_SAVE_AGAIN = "Download the model again, or save it again with save_pretrained()."

_MODULES = re.compile(r"(^|_)(n|num)_(\w+_)?(layers?|blocks?|experts?|stages?|labels?)$|^(n_?layers?|depths?)$")
"""Names of fields that contain a number of modules or of labels. Transformers makes as many modules
or names of labels as the field says."""

_MOST_DIGITS = 18
"""The largest number of digits of an integer. Integers with more digits overflow in torch."""

_ATTENTION = ("attn_implementation", "experts_implementation")
_OF_TORCH = ("eager", "sdpa", "flex_attention", "grouped_mm", "batched_mm")
"""Implementations of the attention or of the experts that need no package besides torch."""

_FLASH = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}
"""Implementations of the attention that need another package. The value is the module of the package."""


def read_object(file: Path) -> dict[str, Any]:
    """Return the JSON object in a file of a model directory. If there is no such file, return an empty object.

    Raises:
        InputError: The file does not contain a JSON object.
    """
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} is not JSON: {cause(error)}", _SAVE_AGAIN) from None
    if not isinstance(content, dict):
        raise InputError(f"{file} contains a {type(content).__name__} instead of a JSON object", _SAVE_AGAIN)
    return content


def check_config(folder: Path, tensors: int) -> dict[str, Any]:
    """Return the content of `config.json` after the checks of this module.

    Args:
        folder: The model directory.
        tensors: Number of tensors in the weight files. Every layer has at least one tensor.

    Raises:
        InputError: A number is too large, or transformers would load the code of an implementation from the hub.
        EnvironmentFault: An implementation needs a package that is not installed.
    """
    file = folder / "config.json"
    config = read_object(file)
    for name, value in _fields(config):
        if isinstance(value, int) and len(str(abs(value))) > _MOST_DIGITS:
            raise InputError(f"{file}: {name} is an integer with more than {_MOST_DIGITS} digits", _SAVE_AGAIN)
        if _MODULES.search(name) and isinstance(value, int | float) and value > most_modules(tensors):
            raise InputError(
                f"{file}: {name} is {value:,}, but the weight files have only {tensors:,} tensors", _SAVE_AGAIN
            )
        if name.lstrip("_").removesuffix("_internal") in _ATTENTION:
            for one in value.values() if isinstance(value, dict) else [value]:
                _check_implementation(file, name, one)
    return config


def _fields(part: Any) -> Iterator[tuple[str, Any]]:
    """Yield all fields of a JSON value as pairs (name, value), including the fields of nested objects."""
    if isinstance(part, Mapping):
        yield from part.items()
    for inner in part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ():
        yield from _fields(inner)


def _check_implementation(file: Path, name: str, value: Any) -> None:
    if value is None or value in _OF_TORCH:
        return
    if value not in _FLASH:
        raise InputError(
            f"{file}: {name} is {value!r}, which transformers would load from the hub as code",
            f'Write "{name}": "sdpa" into {file.name}, or remove the field.',
        )
    if find_spec(_FLASH[value]) is None:
        raise EnvironmentFault(
            f"{file}: {name} is {value!r}, and the package {_FLASH[value]} is not installed",
            f'Install flash attention, or write "{name}": "sdpa" into {file.name}.',
        )


def context_length(folder: Path) -> int | None:
    """Return the context length of a model in tokens, or None if neither `config.json` nor the model family tells this
    length.

    Raises:
        InputError: `config.json` cannot be read, or the context length in it is not a positive number.
    """
    file = folder / "config.json"
    config = read_object(file)
    for part in (config.get("text_config"), config):
        length = part.get("max_position_embeddings") if isinstance(part, dict) else None
        if length is not None:
            if isinstance(length, bool) or not isinstance(length, int | float) or not 1 <= length < 2**53:
                raise InputError(
                    f"{file}: max_position_embeddings is {str(length)[:80]}, not a number of tokens", _SAVE_AGAIN
                )
            return int(length)
    check_config(folder, 0)  # This is needed, because the automatic class makes a list with an entry for each layer.
    with loading(folder):
        from transformers import AutoConfig

        config_of_family = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        text_config = config_of_family.get_text_config()  # It contains the default of the model family.
        return int(getattr(text_config, "max_position_embeddings", 0)) or None


def check_stops(folder: Path) -> None:
    """Check the stop tokens in `generation_config.json`.

    Raises:
        InputError: The file is not a JSON object, or its stop tokens are not token ids.
    """
    file = folder / "generation_config.json"
    ends = read_object(file).get("eos_token_id")
    for end in ends if isinstance(ends, list) else [ends]:
        if end is not None and (isinstance(end, bool) or not isinstance(end, int) or not 0 <= end < 2**31):
            raise InputError(f"{file}: eos_token_id is {str(ends)[:80]}, not the id of a token", _SAVE_AGAIN)


def configured_stops(folder: Path) -> int | list[int] | None:
    """Return the stop tokens in the generation configuration of a model, as transformers reads them.

    If there is no `generation_config.json`, they come from `config.json`.

    Raises:
        InputError: A file cannot be read, or the stop tokens are not token ids.
    """
    check_stops(folder)
    with loading(folder):
        from transformers import AutoConfig, GenerationConfig

        if (folder / "generation_config.json").is_file():
            generation = GenerationConfig.from_pretrained(folder, local_files_only=True)
        else:
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
            generation = GenerationConfig.from_model_config(config)
        stops: int | list[int] | None = generation.eos_token_id
    return stops
