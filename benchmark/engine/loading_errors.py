"""Converts errors that libraries raise about a model directory to errors for the user.

Somebody else possibly made the directory, so a library can raise any kind of error about it. Inside the `with` block of
`loading`, libraries only read the directory. So the cause of every error in the block is the directory or this machine,
and not a fault of Toolmark.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from toolmark.benchmark.core.errors import EnvironmentFault, InputError, ToolmarkError
from toolmark.benchmark.core.printing import printable

__all__ = ["cause", "loading", "quantisation"]

_LONGEST_CAUSE = 300
"""The largest number of characters of a library's error message that are shown."""

_HARDWARE = ("gpu", "cuda", "xpu", "accelerator", "compute capability")
"""If a quantised model cannot be loaded and the error contains one of these words, this machine lacks the hardware."""

_USE_FLOATS = "Or use the variant of the model that is not quantised."


Part = Literal["model", "tokenizer", "gguf"]

_PARTS: dict[Part, tuple[str, str]] = {
    "model": (
        "{} cannot be loaded as a causal language model",
        "Use a text model of an architecture that transformers supports, or download the model again.",
    ),
    "tokenizer": (
        "the tokenizer of {} cannot be loaded",
        "Save the tokenizer of the model in this folder with save_pretrained().",
    ),
    "gguf": (
        "{} cannot be converted",
        "Use the safetensors files of the model, or another GGUF file of an architecture that transformers supports.",
    ),
}
"""For each part of a model, the beginning of the error message and what the user can do."""


@contextmanager
def loading(base: Path, part: Part = "model") -> Iterator[None]:
    """Convert every error about a model directory inside the `with` block, and silence warnings of transformers.

    A model that needs Python code from its own directory is also an error, because Toolmark never runs such code. So
    every call of transformers' automatic classes must have the argument `trust_remote_code=False`. Without this
    argument, transformers asks the user whether the code can be run.

    Args:
        base: The directory.
        part: What is loaded inside the block.

    Raises:
        InputError: The directory cannot be read.
        EnvironmentFault: A package, a device or memory for this model is missing.
    """
    try:
        with _quiet():
            yield
    except (ToolmarkError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except ImportError as error:
        raise EnvironmentFault(
            f"{base}{quantisation(base)} needs a package that is not installed: {cause(error)}",
            f"Install the package that this message names. {_USE_FLOATS if quantisation(base) else ''}".rstrip(),
        ) from error
    except BaseException as error:  # The error of a crash inside a Rust library is not a subclass of `Exception`.
        said = cause(error)
        if "custom code" in said:
            raise InputError(
                f"{base} needs Python code from its own folder, and Toolmark never runs such code",
                "Use a model of an architecture that is part of transformers.",
            ) from error
        if _out_of_memory(error):
            raise EnvironmentFault(
                f"the memory is too small to load {base}: {said}", "Close other programs, or use a smaller model."
            ) from error
        if quantisation(base) and any(word in said.lower() for word in _HARDWARE):
            raise EnvironmentFault(
                f"{base}{quantisation(base)} cannot be computed on this machine: {said}",
                f"Use a machine with this hardware. {_USE_FLOATS}",
            ) from error
        what, fix = _PARTS[part]
        raise InputError(f"{what.format(base)}: {said}", fix) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the warnings and the progress of transformers. The important warnings are errors in `base_model`."""
    from transformers.utils import logging as of_transformers

    before = of_transformers.get_verbosity()
    of_transformers.disable_progress_bar()  # type: ignore[no-untyped-call]
    of_transformers.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        of_transformers.set_verbosity(before)


def cause(error: BaseException) -> str:
    """Return the message of a library's error as one line of limited length. The kind is added if needed."""
    said = printable(" ".join(str(error).split()))
    short = f"{said[:_LONGEST_CAUSE]} …" if len(said) > _LONGEST_CAUSE else said
    # The messages of these kinds of errors are often only the name of a key, or a value.
    needs_kind = not short or isinstance(error, KeyError | TypeError | AttributeError | IndexError | ArithmeticError)
    return f"{type(error).__name__}: {short}".rstrip(": ") if needs_kind else short


def _out_of_memory(error: BaseException) -> bool:
    words = ("allocate memory", "not enough memory", "out of memory")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(one in str(error).lower() for one in words)
    )


def quantisation(base: Path) -> str:
    """Return words about the quantisation of a model, for an error message. Empty if the model is not quantised."""
    try:
        config = json.loads((base / "config.json").read_bytes())
        method = config["quantization_config"]["quant_method"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""
    return f", which is quantised with {printable(str(method))[:40]}," if method else ""
