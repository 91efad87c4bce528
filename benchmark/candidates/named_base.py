"""Checks the base that an adapter or a recipe names.

The file perhaps comes from another person. So it can name itself, another adapter, or an address. Only a plain model is
allowed, and no address is contacted.
"""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG, read_adapter_config
from toolmark.benchmark.candidates.gguf_files import GGUF
from toolmark.benchmark.candidates.recipes import is_recipe, read_recipe
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.user_paths import expanded

__all__ = ["base_of_adapter", "base_of_recipe"]


def base_of_adapter(folder: Path) -> str:
    """Return the spec of the base that the configuration of an adapter names.

    Raises:
        InputError: The configuration names no base, or something that is not a model.
    """
    file = folder / ADAPTER_CONFIG
    base = read_adapter_config(folder).get("base_model_name_or_path")
    if not base or not isinstance(base, str):
        raise InputError(f"{file} contains no name of a base model", _fix(folder))
    return _plain(base, file, _fix(folder))


def base_of_recipe(file: Path) -> str:
    """Return the spec of the base that a recipe names.

    Raises:
        InputError: The recipe is not valid, or names something that is not a model.
    """
    return _plain(read_recipe(file).base, file, f"Correct the key base in {file}.")


def _fix(folder: Path) -> str:
    return f"Give the base: --model BASE --adapter {folder}"


def _plain(base: str, file: Path, fix: str) -> str:
    path, adapter = expanded(base), base.partition(":")[2]
    if (
        is_recipe(path)
        or ((path / ADAPTER_CONFIG).is_file() and not (path / "config.json").is_file())
        or (adapter and not path.exists() and not adapter.lower().endswith(GGUF))
    ):
        raise InputError(f"{file} names the base {base!r}, which is not the name or the path of a model", fix)
    return base
