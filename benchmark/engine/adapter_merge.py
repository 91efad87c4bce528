"""Merges an adapter into its base, and checks that the merged model computes what the adapter computes.

The check is needed, because a merge can change more of the model than the adapter changes. For example, many models use
one matrix both for the embeddings of tokens and for the output layer. An adapter of the embeddings changes only the
embeddings. A merge into the shared matrix would also change the output layer. So the output layer first gets its own
copy of the matrix.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG
from toolmark.benchmark.candidates.model_texts import TEXT_SUFFIXES
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.new_folder import new_folder
from toolmark.benchmark.core.regular_files import is_own
from toolmark.benchmark.data.record import RECORD_FILE
from toolmark.benchmark.engine.adapters import AdaptedModel
from toolmark.benchmark.engine.base_model import load_base
from toolmark.benchmark.engine.loading_errors import cause

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["merge"]

_ROUNDING = 1e-4
"""Largest difference between two logits that rounding in fp32 can cause, as a share of the largest logit."""

_ROWS, _TOKENS = 2, 32
"""Size of the batch on which the logits are compared."""

_NOT_COPIED = (RECORD_FILE, ADAPTER_CONFIG, "model.safetensors.index.json")
"""Files of the base that do not describe the merged weights."""


def merge(weights: Weights, out: Path) -> None:
    """Merge an adapter into its base, and write the model to `out` in fp32, with the tokenizer of the base.

    Raises:
        InputError: The base or the adapter cannot be loaded, adapters of this type cannot be merged, or the merged
            model computes other logits than the base with the adapter.
        EnvironmentFault: There is not enough memory, or `out` cannot be written.
    """
    import torch

    if weights.adapter is None:
        raise ValueError("there is no adapter to merge")
    adapted = AdaptedModel(load_base(weights.base, torch.float32), weights.base)
    adapted.set_adapter(weights.adapter)
    ids = _ids(adapted.plain)
    expected = _logits(adapted.plain, ids)
    model = _merged(adapted, weights.adapter)
    del adapted  # frees the memory of the base before the written model is loaded
    with new_folder(out) as folder:
        model.save_pretrained(folder)
        del model
        for file in weights.base.iterdir():
            needed = file.suffix in TEXT_SUFFIXES and file.name not in _NOT_COPIED
            if needed and is_own(file) and file.is_file() and not (folder / file.name).exists():
                shutil.copyfile(file, folder / file.name)
        found = _logits(load_base(folder, torch.float32), ids)
        _check_equal(found, expected, weights)


def _merged(adapted: AdaptedModel, adapter: Path) -> Any:
    _untie(adapted.plain)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PEFT warns about shared matrices. `_untie` has copied them.
            model: Any = adapted.with_adapter.merge_and_unload(safe_merge=True)
    except Exception as error:  # PEFT raises errors of many types for adapters that it cannot merge.
        raise InputError(
            f"{adapter} cannot be merged into its base: {cause(error)}",
            "Use the adapter without a merge: --model BASE --adapter ADAPTER",
        ) from None
    embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
    if head is not None:
        shared = embeddings.weight.data_ptr() == head.weight.data_ptr()
        model.config.tie_word_embeddings = model.config.get_text_config().tie_word_embeddings = shared
    return model


def _untie(model: Any) -> None:
    """Give the output layer its own copy of the embeddings, if the two share one matrix and one of them is adapted."""
    import torch

    embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
    if head is None or not (_is_adapted(embeddings) or _is_adapted(head)):
        return
    matrices = [_base_layer(layer) for layer in (embeddings, head)]
    if matrices[0].weight is not matrices[1].weight:
        return
    matrices[1].weight = torch.nn.Parameter(matrices[1].weight.detach().clone(), requires_grad=False)


def _is_adapted(layer: Any) -> bool:
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    return isinstance(layer, BaseTunerLayer | AuxiliaryTrainingWrapper)


def _base_layer(layer: Any) -> Any:
    while _is_adapted(layer):
        layer = layer.get_base_layer() if hasattr(layer, "get_base_layer") else layer.original_module
    return layer


def _ids(model: Any) -> Tensor:
    """Return a batch of token ids that are spread evenly over the vocabulary."""
    import torch

    last = model.get_input_embeddings().weight.shape[0] - 1
    return torch.linspace(0, last, _ROWS * _TOKENS).long().view(_TOKENS, _ROWS).T


def _logits(model: Any, ids: Tensor) -> Tensor:
    import torch

    with torch.inference_mode():
        logits: Tensor = model(input_ids=ids, use_cache=False).logits
    return logits


def _check_equal(found: Tensor, expected: Tensor, weights: Weights) -> None:
    difference, largest = float((found - expected).abs().max()), float(expected.abs().max())
    if not difference <= _ROUNDING * largest:
        raise InputError(
            f"{weights.adapter} cannot be merged into {weights.base}, because the merged model computes other logits. "
            f"The largest difference is {difference:.3g}, and the largest logit is {largest:.3g}",
            "Use the adapter without a merge: --model BASE --adapter ADAPTER",
        )
