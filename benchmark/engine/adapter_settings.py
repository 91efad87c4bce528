"""Checks the settings of an adapter, and makes PEFT's configuration from them.

The settings come from `adapter_config.json`. Somebody else possibly wrote this file, and PEFT checks few of the
settings. Some settings make PEFT change the base, import a module, read another file, or load something from the hub.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from toolmark.benchmark.engine.adapter_patterns import without_patterns

if TYPE_CHECKING:
    from peft import PeftConfig

__all__ = ["CHANGES_BASE", "KINDS", "SettingsError", "peft_config"]

KINDS = (
    *("LORA", "LOHA", "LOKR", "HIRA", "GRALORA", "MISS", "ROAD", "IA3", "OFT", "HRA", "C3A", "FOURIERFT"),
    *("LN_TUNING", "TRAINABLE_TOKENS"),
)
"""The types of adapters that Toolmark can load. For each type, a test proves that the weights of the base do not
change, and that the adapter gives the same logits as in PEFT. The file of such an adapter contains all of its tensors,
so a tensor of a wrong size is noticed before memory is used for it."""

CHANGES_BASE = ("pissa", "olora")
"""Values of `init_lora_weights` that changed the weights of the base when the training began. The adapter needs these
changed weights. PEFT computes them again from the base."""

_NOT_REPEATABLE = re.compile(r"pissa_niter_|corda|loftq|lora_ga")
"""Values of `init_lora_weights` that changed the weights of the base when the training began, and the changed weights
cannot be computed again: the computation is random, or needs the data of the training."""

_OF_ANOTHER_FORWARD_PASS = frozenset(
    {
        "alora_invocation_tokens",
        "arrow_config",
        "kasa_config",
        "layer_replication",
        "megatron_config",
        "monteclora_config",
        "use_bdlora",
        "use_qalora",
        "velora_config",
    }
)
"""Settings that change how the model computes, and not only the weights of its layers."""

_NOT_NEEDED = frozenset(
    {
        "auto_mapping",
        "base_model_name_or_path",
        "bias",  # whether the biases of the base were trained. `adapter_weights` refuses files with trained biases.
        "corda_config",
        "eva_config",
        "inference_mode",
        "loftq_config",
        "lora_ga_config",
        "megatron_core",
        "peft_type",
        "peft_version",
        "revision",
        "runtime_config",
        "task_type",
    }
)
"""Settings that have no effect after the training, and settings that say where a file lies."""

_LARGEST_NUMBER = 2**31
_LARGEST_SEED = 2**64
_LONGEST_SHOWN = 60


class SettingsError(ValueError):
    """A setting is not valid, or Toolmark does not support it."""


def peft_config(settings: Mapping[str, Any], modules: Sequence[str], vocabulary: int) -> PeftConfig:
    """Return PEFT's configuration of an adapter.

    With this configuration, PEFT changes the weights of the base only if `init_lora_weights` is one of `CHANGES_BASE`.

    Args:
        settings: The content of `adapter_config.json`.
        modules: The names of all modules of the base.
        vocabulary: Number of tokens for which the base has embeddings.

    Raises:
        SettingsError: A setting is not valid, or Toolmark does not support it.
        PatternError: An expression in a setting is not valid, takes too long, or matches no module.
    """
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
    from peft.utils.peft_types import PeftType

    kind = settings.get("peft_type")
    if kind not in KINDS:
        raise SettingsError(f"the type of the adapter is {kind!r}, but Toolmark supports only {', '.join(KINDS)}")
    if (task := settings.get("task_type")) not in (None, "CAUSAL_LM"):
        raise SettingsError(f"the adapter was trained for the task {task!r}, and not to generate text (CAUSAL_LM)")
    if unknown_pass := sorted(name for name in _OF_ANOTHER_FORWARD_PASS if settings.get(name)):
        raise SettingsError(f"the adapter uses the setting {unknown_pass[0]}, which Toolmark does not support")
    known = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(kind)]
    hints = get_type_hints(known)
    names = {field.name for field in fields(known) if field.init}
    unknown = sorted(name for name in settings.keys() - names - _NOT_NEEDED if settings[name])
    if on := [name for name in unknown if settings[name] is True]:
        raise SettingsError(f"the adapter uses the setting {on[0]}, which the installed PEFT does not know")
    if unknown:
        warnings.warn(f"PEFT does not know the settings {', '.join(unknown)} of the adapter", stacklevel=2)
    chosen = {name: settings[name] for name in names & settings.keys() - _NOT_NEEDED}
    if "init_lora_weights" in chosen:
        chosen["init_lora_weights"] = _start(chosen["init_lora_weights"])
    for name, value in chosen.items():
        _check(name, value, hints[name])
    for name in ("trainable_token_indices", "token_indices"):
        _check_tokens(name, chosen.get(name), vocabulary)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return known(**without_patterns(chosen, modules), task_type="CAUSAL_LM", inference_mode=True)


def _start(value: Any) -> Any:
    """Return the value of `init_lora_weights` for PEFT. This is True for the values that do not change the base."""
    if isinstance(value, str) and _NOT_REPEATABLE.match(value):
        raise SettingsError(
            f"the training of the adapter changed the weights of the base (init_lora_weights={value!r}). "
            "Toolmark cannot repeat this change. Save the adapter again with path_initial_model_for_weight_conversion"
        )
    return value if value in CHANGES_BASE else True


def _check(name: str, value: Any, hint: Any) -> None:
    """Check that a setting has the right type, and that its numbers are not too large."""
    if name == "init_lora_weights":
        return  # The type of this setting in PEFT does not allow all valid values.
    if name.endswith("_pattern") and name != "layers_pattern":
        hint = dict[str, int | float] | None
    elif any(word in name for word in ("alpha", "lambda", "scaling")):
        hint = hint | float
    try:
        TypeAdapter(hint).validate_python(value, strict=True)
    except ValidationError as error:
        raise SettingsError(f"{name} is {_short(value)}: {error.errors()[0]['msg']}") from None
    limit = _LARGEST_SEED if any(word in name for word in ("seed", "prng")) else _LARGEST_NUMBER
    for number in _numbers(value):
        if abs(number) > limit:
            raise SettingsError(f"{name} contains the number {_short(number)}, which is too large")


def _check_tokens(name: str, value: Any, vocabulary: int) -> None:
    if wrong := [token for token in _numbers(value) if not 0 <= token < vocabulary]:
        raise SettingsError(f"{name} contains the token {wrong[0]}, but the base has tokens up to {vocabulary - 1}")


def _numbers(value: Any) -> Iterator[int | float]:
    """Yield all numbers in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
