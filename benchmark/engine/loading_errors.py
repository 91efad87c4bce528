"""Converts the errors of transformers about a model directory to errors for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolmark.benchmark.core.errors import InputError

__all__ = ["loading"]


@contextmanager
def loading(base: Path) -> Iterator[None]:
    """Raise an `InputError` if transformers cannot read a model directory inside the `with` block.

    This includes a model that needs Python code from its own directory. Toolmark never runs such code, so every call of
    transformers' automatic classes has the argument `trust_remote_code=False`. Without it, transformers asks.
    """
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        if "custom code" in reason:
            raise InputError(
                f"{base} needs Python code from its own folder, and Toolmark never runs such code",
                "Use a model of an architecture that is part of transformers.",
            ) from error
        raise InputError(
            f"{base} cannot be loaded as a causal language model: {reason}",
            "Use a text model with a tokenizer, of an architecture that transformers supports.",
        ) from error
