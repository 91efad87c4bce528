"""A base model in memory with any number of adapters. At most one adapter is active at a time.

An adapter that does not fit the base must be an error, but PEFT does not always raise an error:

    problem                                     PEFT              this module checks
    adapter of another base, with equal shapes  loads it          the hash of the base in the adapter's training record
    adapter without some layers                 prints a warning  the keys that the loader reports as missing
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hashing import digest, hash_files
from toolmark.benchmark.data.record import TrainingRecord

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["AdaptedModel"]


class AdaptedModel:
    """A causal language model with an adapter that can be exchanged.

    Args:
        model: The base, in evaluation mode on its device.
        base: The directory of the base.
    """

    def __init__(self, model: PreTrainedModel, base: Path) -> None:
        self._plain: Any = model
        self._base = base
        self._wrapped: Any = None
        self._adapter_name: str | None = None

    @property
    def ends(self) -> int | list[int] | None:
        """Return the stop tokens in the base's generation configuration."""
        ends: int | list[int] | None = self._plain.generation_config.eos_token_id
        return ends

    def set_adapter(self, adapter: Path | None) -> None:
        """Use this adapter from now on, or the base alone if `adapter` is None. Each adapter is loaded only once.

        Raises:
            InputError: The adapter was trained on another base, its files are broken, or its weights do not fit.
        """
        if adapter is None:
            self._adapter_name = None
            return
        name = f"a{digest(str(adapter.resolve()))}"
        if self._wrapped is None or name not in self._wrapped.peft_config:
            self._load(adapter, name)
        self._wrapped.set_adapter(name)
        self._adapter_name = name

    @property
    def plain(self) -> PreTrainedModel:
        """Return the base model. PEFT inserts the layers of adapters into its modules."""
        model: PreTrainedModel = self._plain
        return model

    @contextmanager
    def adapter_active(self) -> Iterator[None]:
        """Make `plain` use the adapter that was set, inside the `with` block. Without an adapter, only use the base."""
        if self._wrapped is None or self._adapter_name is not None:
            yield
            return
        with self._wrapped.disable_adapter():
            yield

    def _load(self, adapter: Path, name: str) -> None:
        from peft import PeftConfig, PeftModel
        from safetensors import SafetensorError

        try:
            _check_base(self._base, adapter)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # problems are raised as errors below
                if self._wrapped is None:
                    self._wrapped = PeftModel(self._plain, PeftConfig.from_pretrained(str(adapter)), adapter_name=name)
                loaded = self._wrapped.load_adapter(str(adapter), name, is_trainable=False, use_safetensors=True)
        except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"{adapter} cannot be loaded on {self._base}: {type(error).__name__}: {reason}",
                "With --model, give the base on which the adapter was trained. Or save the adapter again.",
            ) from None
        self._wrapped.eval()
        missing = [key for key in loaded.missing_keys if f".{name}." in key]
        if missing or loaded.unexpected_keys:
            kind, keys = ("missing", missing) if missing else ("unexpected", loaded.unexpected_keys)
            raise InputError(
                f"{adapter} does not fit {self._base}, because {len(keys)} weights are {kind}, for example {keys[0]}",
                "With --model, give the base on which the adapter was trained.",
            )


def _check_base(base: Path, adapter: Path) -> None:
    if (record := TrainingRecord.read(adapter)) is not None:
        here = hash_files(base.glob("*.safetensors"))
        if record.base_weights not in (None, here):
            raise InputError(
                f"{adapter} was trained on {record.base_id} with weights {record.base_weights}, not on {base} ({here})",
                f"Give the base of the training: --model {record.base_id} --adapter {adapter}",
            )
        return
    config = json.loads((adapter / "adapter_config.json").read_text())
    if not isinstance(config, dict):
        raise ValueError("adapter_config.json is not a JSON object")
    name = config.get("base_model_name_or_path") or "no base"
    if Path(name).name != base.resolve().name:
        warnings.warn(f"base identity not proven: {adapter} names {name}, but {base} is used", stacklevel=2)
