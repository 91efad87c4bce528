"""One base model in memory, and any number of adapters on it, of which one or none is worn at a time.

PEFT loads an adapter of another base with the same shapes without a word, and one with missing layers with a warning:
hence the recorded hash of the base and the loader's own lists are checked here, and a misfit is an error.
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
    """A causal language model that can change its adapter.

    Args:
        model: The base, in evaluation mode on its device.
        base: The directory that it came from.
    """

    def __init__(self, model: PreTrainedModel, base: Path) -> None:
        self._plain: Any = model
        self._base = base
        self._wrapped: Any = None
        self._worn: str | None = None

    @property
    def ends(self) -> int | list[int] | None:
        """Stop tokens of the base's generation configuration."""
        ends: int | list[int] | None = self._plain.generation_config.eos_token_id
        return ends

    def set_adapter(self, adapter: Path | None) -> None:
        """Answer with this adapter from now on, or as the plain base. An adapter is loaded once.

        Raises:
            InputError: The adapter was trained on another base, or its weights do not fit.
        """
        if adapter is None:
            self._worn = None
            return
        name = f"a{digest(str(adapter.resolve()))}"
        if self._wrapped is None or name not in self._wrapped.peft_config:
            self._load(adapter, name)
        self._wrapped.set_adapter(name)
        self._worn = name

    @property
    def plain(self) -> PreTrainedModel:
        """The base; while an adapter is worn, PEFT's layers stand in its modules."""
        model: PreTrainedModel = self._plain
        return model

    @contextmanager
    def wearing(self) -> Iterator[None]:
        """While this lasts, `plain` answers with the worn adapter, or without any."""
        if self._wrapped is None or self._worn is not None:
            yield
            return
        with self._wrapped.disable_adapter():
            yield

    def _load(self, adapter: Path, name: str) -> None:
        from peft import PeftConfig, PeftModel

        _check_base(self._base, adapter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters is said as an error below
            if self._wrapped is None:
                self._wrapped = PeftModel(self._plain, PeftConfig.from_pretrained(str(adapter)), adapter_name=name)
            loaded = self._wrapped.load_adapter(str(adapter), name, is_trainable=False, use_safetensors=True)
        self._wrapped.eval()
        missing = [key for key in loaded.missing_keys if f".{name}." in key]
        if missing or loaded.unexpected_keys:
            kind, keys = ("lacks", missing) if missing else ("has unexpected", loaded.unexpected_keys)
            raise InputError(
                f"{adapter} does not fit {self._base}: it {kind} {len(keys)} weights, the first {keys[0]}",
                "Use the base that the adapter was trained on.",
            )


def _check_base(base: Path, adapter: Path) -> None:
    if (record := TrainingRecord.read(adapter)) is not None:
        here = hash_files(base.glob("*.safetensors"))
        if record.base_weights not in (None, here):
            raise InputError(
                f"{adapter} was trained on {record.base_id} with weights {record.base_weights}, not on {base} ({here})",
                f"Name that base: --model {record.base_id} --adapter {adapter}",
            )
        return
    name = json.loads((adapter / "adapter_config.json").read_text()).get("base_model_name_or_path") or "no base"
    if Path(name).name != base.resolve().name:
        warnings.warn(f"base identity not proven: {adapter} names {name}, judged on {base}", stacklevel=2)
