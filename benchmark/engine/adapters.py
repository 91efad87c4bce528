"""Puts adapters on a base model. At most one adapter is on the base at a time.

Somebody else possibly made the adapter, and PEFT trusts its files. So an adapter is put on in these steps:

1. `adapter_settings` checks the settings, and replaces expressions by names.
2. PEFT makes the adapter on torch's device `meta`, which uses no memory. This shows the names and shapes of the tensors
   that the file of the adapter must contain.
3. `adapter_weights` reads these tensors, but only if all of them are in the file and have the right shapes.
4. Before the next adapter is put on, `base_state` gives the base its own modules and weights back.

Runs, merges and checks of adapters all use this module.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG, read_adapter_config
from toolmark.benchmark.candidates.gguf_files import weights_hash
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.data.record import TrainingRecord
from toolmark.benchmark.engine.adapter_patterns import PatternError
from toolmark.benchmark.engine.adapter_settings import CHANGES_BASE, SettingsError, peft_config
from toolmark.benchmark.engine.adapter_weights import read_weights
from toolmark.benchmark.engine.base_state import BaseState
from toolmark.benchmark.engine.loading_errors import cause

if TYPE_CHECKING:
    from peft import PeftConfig, PeftModel
    from torch import Tensor
    from transformers import PreTrainedModel

__all__ = ["AdaptedModel"]


class AdaptedModel:
    """A causal language model with an adapter. The adapter can be replaced by another adapter, or taken off.

    Args:
        model: The base, in evaluation mode on its device.
        base: The directory of the base.
        name: PEFT's name of the adapter. There is only one adapter at a time.
    """

    def __init__(self, model: PreTrainedModel, base: Path, name: str = "adapter") -> None:
        self._plain: Any = model
        self._base = base
        self._name = name
        self._own = BaseState(model)
        self._wrapped: PeftModel | None = None

    @property
    def ends(self) -> int | list[int] | None:
        """Return the stop tokens in the base's generation configuration."""
        ends: int | list[int] | None = self._plain.generation_config.eos_token_id
        return ends

    @property
    def plain(self) -> PreTrainedModel:
        """Return the model in transformers' class. If an adapter is set, the model computes with the adapter."""
        model: PreTrainedModel = self._plain
        return model

    @property
    def with_adapter(self) -> PeftModel:
        """Return the base with the adapter in PEFT's class."""
        if self._wrapped is None:
            raise ValueError("no adapter is set")
        return self._wrapped

    def set_adapter(self, adapter: Path | None) -> None:
        """Use this adapter from now on, or the base alone if `adapter` is None.

        Raises:
            InputError: The adapter was trained on another base, does not fit the base, has broken files, or has a type
                that Toolmark cannot load.
            EnvironmentFault: There is not enough memory.
        """
        self._own.restore()
        self._wrapped = None
        if adapter is None:
            return
        try:
            self._wrapped = self._put_on(adapter)
        except BaseException:
            self._own.restore()
            raise

    def checked(self, adapter: Path) -> tuple[PeftConfig, dict[str, Tensor]]:
        """Return the configuration and the weights of an adapter after all checks. The adapter is not put on.

        The base can be an `empty_model`, because its weights are needed only if the adapter repeats them.

        Raises:
            InputError, EnvironmentFault: The errors of `set_adapter`.
        """
        settings = read_adapter_config(adapter)
        _check_base(self._base, adapter, settings)
        with self._naming_causes(adapter):
            vocabulary = self._plain.get_input_embeddings().weight.shape[0]
            config = peft_config(settings, self._own.module_names(), vocabulary)
            return config, read_weights(adapter, self._expected(config), self._plain)

    def _put_on(self, adapter: Path) -> PeftModel:
        from peft import PeftModel
        from peft.utils.save_and_load import set_peft_model_state_dict

        config, weights = self.checked(adapter)
        with self._naming_causes(adapter):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # The checks of this module replace PEFT's warnings.
                if getattr(config, "init_lora_weights", None) in CHANGES_BASE:
                    self._own.use_copies()
                wrapped = PeftModel(self._plain, config, adapter_name=self._name)
                loaded: Any = set_peft_model_state_dict(wrapped, weights, adapter_name=self._name)
            if loaded.unexpected_keys:
                raise ValueError(f"PEFT does not know the weight {loaded.unexpected_keys[0]}")
        wrapped.eval()
        return wrapped

    @contextmanager
    def _naming_causes(self, adapter: Path) -> Iterator[None]:
        """Convert every error about an adapter inside the `with` block to an error for the user."""
        import torch

        try:
            yield
        except (MemoryError, torch.OutOfMemoryError) as error:
            raise EnvironmentFault(
                f"there is not enough memory for the adapter {adapter}: {error}", "Use a smaller base or adapter."
            ) from None
        except (SettingsError, PatternError) as error:
            raise InputError(
                f"{adapter} cannot be loaded on {self._base}: {cause(error)}",
                f"Correct {adapter / ADAPTER_CONFIG}, or use an adapter of a type that docs/guide/models.md names.",
            ) from None
        except Exception as error:  # PEFT raises errors of many types if a setting makes no sense.
            raise InputError(
                f"{adapter} cannot be loaded on {self._base}: {cause(error)}",
                "With --model, give the base on which the adapter was trained. Or save the adapter again.",
            ) from None

    def _expected(self, config: PeftConfig) -> dict[str, Tensor]:
        """Return the tensors that PEFT would save for an adapter with this configuration. The key is the name.

        The tensors are on torch's device `meta`, so they have a shape but use no memory.
        """
        import torch
        from peft import PeftModel
        from peft.utils.save_and_load import get_peft_model_state_dict

        config = copy.deepcopy(config)
        if hasattr(config, "init_lora_weights"):
            config.init_lora_weights = True
        try:
            with warnings.catch_warnings(), torch.device("meta"):
                warnings.simplefilter("ignore")
                empty = PeftModel(self._plain, config, adapter_name=self._name, low_cpu_mem_usage=True)
                found: dict[str, Tensor] = get_peft_model_state_dict(
                    empty, adapter_name=self._name, save_embedding_layers=False
                )
            return {name: tensor.to("meta") for name, tensor in found.items()}
        finally:
            self._own.restore()


def _check_base(base: Path, adapter: Path, settings: dict[str, Any]) -> None:
    """Compare the base with the base that the adapter was trained on. If that base is not known, give a warning."""
    if (record := TrainingRecord.read(adapter)) is not None:
        here = weights_hash(base)
        if record.base_weights not in (None, here):
            raise InputError(
                f"{adapter} was trained on {record.base_id} with weights {record.base_weights}, not on {base} ({here})",
                f"Give the base of the training: --model {record.base_id} --adapter {adapter}",
            )
        return
    name = str(settings.get("base_model_name_or_path") or "no base")
    # In the hub's cache, the folder of a revision is models--ORG--NAME/snapshots/REVISION.
    in_cache = base.parent.parent.name == f"models--{name.replace('/', '--')}"
    if not in_cache and Path(name).name != base.resolve().name:
        warnings.warn(f"base identity not proven: {adapter} names {name}, but {base} is used", stacklevel=2)
