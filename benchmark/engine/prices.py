"""What served models charge, as far as the user says: Inspect's own file of prices, named in Inspect's own variable.

    INSPECT_EVAL_MODEL_COST_CONFIG=prices.yaml

    openai/gpt-4.1: {input: 2.0, output: 8.0, input_cache_write: 0, input_cache_read: 0.5}

US dollars a million tokens. A provider that tells the cost of each answer needs no such line. Without either the cost
is not known, and nothing is guessed.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from toolmark.benchmark.core.errors import InputError

__all__ = ["know_prices"]

_VARIABLE = "INSPECT_EVAL_MODEL_COST_CONFIG"
_LONGEST = 1_000_000


def know_prices() -> None:
    """Tell Inspect the prices that the file holds; without the variable there are none.

    Raises:
        InputError: The file cannot be read, or is no list of prices.
    """
    named = os.environ.get(_VARIABLE)
    if not named:
        return
    from inspect_ai.model import ModelCost, ModelInfo, get_model_info, set_model_info

    try:
        with Path(named).open(encoding="utf-8") as stream:
            rows = YAML(typ="safe").load(stream.read(_LONGEST))
        prices = {str(model): ModelCost.model_validate(price) for model, price in rows.items()}
    except (OSError, ValueError, AttributeError, YAMLError, RecursionError, ValidationError) as error:
        raise InputError(
            f"{_VARIABLE} names {named}, which holds no prices: {' '.join(str(error).split())[:200]}",
            "Write lines as: openai/gpt-4.1: {input: 2.0, output: 8.0, input_cache_write: 0, input_cache_read: 0.5}",
        ) from None
    for model, price in prices.items():
        known = get_model_info(model) or ModelInfo()
        set_model_info(model, known.model_copy(update={"cost": price}))
