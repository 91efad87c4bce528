"""Finds models that compute no numbers.

If a weight is NaN or infinite, or if activations exceed the range of the data type, the logits are NaN or infinite. The
largest of them is then NaN, its token is usually `<pad>`, and an answer looks like any other answer. So in every step,
the logit of each chosen token must be a finite number. This costs 10 to 30 µs a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.engine.loading_errors import loading

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedModel

__all__ = [
    "ModelWithoutNumbers",
    "NoNumbers",
    "check_computes",
    "check_logits",
    "finite_scores",
    "first_without_numbers",
    "no_numbers",
    "vocabulary",
]


_PROBE = 8
"""Number of tokens of the prompt with which a model is checked after loading."""


class NoNumbers(Exception):
    """The largest logit of a sequence is NaN or infinite.

    Attributes:
        index: The index of the sequence.
    """

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


def check_logits(largest: Tensor, indices: Sequence[int]) -> None:
    """Check that the largest logit of each sequence is a number.

    Args:
        largest: The largest logits, of shape (sequences,). A maximum is NaN if one of its values is NaN.
        indices: The indices of the sequences.

    Raises:
        NoNumbers: A logit is NaN or infinite.
    """
    finite = largest.isfinite()
    if not bool(finite.all()):
        raise NoNumbers(indices[int(finite.logical_not().nonzero()[0])])


def finite_scores(_: Tensor, scores: Tensor) -> Tensor:
    """Check the logits of a step of transformers' `generate`, and return them unchanged."""
    check_logits(scores.amax(-1), range(len(scores)))
    return scores


class ModelWithoutNumbers(InputError):
    """The error for the user that a model computes no numbers."""


def no_numbers(base: Path, adapter: Path | None, where: str | None, dtype: str) -> ModelWithoutNumbers:
    """Return the error that a model computes no numbers.

    Args:
        base: The directory of the base.
        adapter: The directory of the adapter, if only the model with the adapter computes no numbers.
        where: What `first_without_numbers` returned.
        dtype: Name of the data type of the weights.
    """
    subject = f"{base} with the adapter {adapter}" if adapter else str(base)
    first = f": the first values that are NaN or infinite come from {where}" if where else " in an answer"
    narrow = "" if dtype == "float32" else "Or the activations exceed the range of the data type: --dtype float32"
    again = "Train the adapter again, or use an earlier checkpoint." if adapter else "Download or save the model again."
    return ModelWithoutNumbers(f"the model {subject} computes no numbers{first}", f"{again} {narrow}".rstrip())


def check_computes(model: PreTrainedModel, base: Path, dtype: str) -> None:
    """Check that a model computes numbers for a short prompt.

    A configuration can be wrong although all weights fit. Then the first computation fails.

    Args:
        model: The model on its device.
        base: The directory of the model.
        dtype: Name of the data type of the weights.

    Raises:
        InputError: The model computes no numbers, or the computation fails.
        EnvironmentFault: The memory is too small.
    """
    with loading(base):
        tokens = min(_PROBE, vocabulary(model))
        where = first_without_numbers(model, range(tokens))
    if where is not None:
        raise no_numbers(base, None, where, dtype)


def vocabulary(model: PreTrainedModel) -> int:
    """Return the number of tokens that a model can read."""
    weight: Any = model.get_input_embeddings().weight
    return int(weight.shape[0])


class _Found(Exception):
    """Ends a forward pass at the first module without numbers."""


def first_without_numbers(model: PreTrainedModel, ids: Sequence[int]) -> str | None:
    """Return the first module whose output is not finite when the model reads these token ids. None if there is none.

    The name is followed by the parameters of the module that are not finite.
    """
    import torch

    def watch(name: str) -> Callable[[Any, Any, Any], None]:
        def after(module: Any, _: Any, output: Any) -> None:
            if not all(bool(tensor.isfinite().all()) for tensor in _float_tensors(output)):
                bad = [key for key, value in module.named_parameters() if not bool(value.isfinite().all())]
                raise _Found(f"{name}{f', whose {bad[0]} is not finite' if bad else ''}")

        return after

    hooks = [module.register_forward_hook(watch(name or "the model")) for name, module in model.named_modules()]
    try:
        with torch.inference_mode():
            model(input_ids=torch.tensor([list(ids)], device=model.device), use_cache=False)
    except _Found as found:
        return str(found)
    finally:
        for hook in hooks:
            hook.remove()
    return None


def _float_tensors(output: Any) -> list[torch.Tensor]:
    import torch

    parts = output if isinstance(output, tuple | list) else [getattr(output, "logits", output)]
    return [part for part in parts if isinstance(part, torch.Tensor) and part.is_floating_point()]
