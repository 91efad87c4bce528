"""Reads prices of served models from Inspect's file of prices. This environment variable contains the path of the file:

    INSPECT_EVAL_MODEL_COST_CONFIG=prices.yaml

The file has one line for each model. Prices are in US dollars per million tokens:

    openai/gpt-4.1: {input: 2.0, output: 8.0, input_cache_write: 0, input_cache_read: 0.5}

If a provider reports the cost of each answer, its models need no line in the file.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.regular_files import regular

__all__ = ["register_prices"]

_VARIABLE = "INSPECT_EVAL_MODEL_COST_CONFIG"
_MAX_BYTES = 1_000_000


def register_prices() -> None:
    """Register the prices of the file with Inspect. If the environment variable is not set, do nothing.

    Raises:
        InputError: The file cannot be read, or is not a list of prices.
    """
    path = os.environ.get(_VARIABLE)
    if not path:
        return
    from inspect_ai.model import ModelCost, ModelInfo, get_model_info, set_model_info

    try:
        with regular(Path(path)).open(encoding="utf-8") as stream:
            rows = YAML(typ="safe").load(stream.read(_MAX_BYTES))
        prices = {str(model): ModelCost.model_validate(price) for model, price in rows.items()}
    except (OSError, ValueError, AttributeError, YAMLError, RecursionError, ValidationError) as error:
        raise InputError(
            f"the file of prices {path} (from {_VARIABLE}) cannot be read: {' '.join(str(error).split())[:200]}",
            "Write lines like openai/gpt-4.1: {input: 2.0, output: 8.0, input_cache_write: 0, input_cache_read: 0.5}",
        ) from None
    for model, price in prices.items():
        info = get_model_info(model) or ModelInfo()
        set_model_info(model, info.model_copy(update={"cost": price}))
