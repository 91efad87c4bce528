"""Opens and uses the tokenizer of a model directory, without torch if possible.

Prompts that are too long are found with the tokenizer, before the model is loaded. The import of torch takes seconds,
so this module avoids it. The automatic class of transformers (`AutoTokenizer`) imports torch, but the generic class
(`PreTrainedTokenizerFast`) does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from toolmark.benchmark.candidates.fingerprint import template_hash
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.engine.loading_errors import cause, loading
from toolmark.benchmark.engine.model_config import read_object

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["hash_of_template", "open_tokenizer", "text_of", "token_ids"]

_GENERIC = {"PreTrainedTokenizerFast", "TokenizersBackend"}

_PROBE = "a question"

_SAVE_AGAIN = "Save the tokenizer of the model in this folder with save_pretrained()."


def open_tokenizer(directory: Path) -> PreTrainedTokenizerBase:
    """Return the tokenizer of a model directory.

    Raises:
        InputError: Transformers cannot read the tokenizer, or the tokenizer cannot encode a short text.
        EnvironmentFault: The tokenizer needs a package that is not installed.
    """
    with loading(directory, "tokenizer"):
        tokenizer = _open(directory)
        ids = token_ids(tokenizer, _PROBE)
        # If the files of the tokenizer are missing, transformers makes an empty tokenizer.
        if not ids or not str(tokenizer.decode(ids, skip_special_tokens=True)).strip():
            raise InputError(f"the tokenizer of {directory} loses the text of a prompt", _SAVE_AGAIN)
        templates = tokenizer.chat_template
        listed = templates.values() if isinstance(templates, dict) else [templates or ""]
        if not all(isinstance(template, str) for template in listed):
            raise InputError(f"the chat template of {directory} is not a text", _SAVE_AGAIN)
    return tokenizer


def _open(directory: Path) -> PreTrainedTokenizerBase:
    kind = read_object(directory / "tokenizer_config.json").get("tokenizer_class")
    if kind in _GENERIC and (directory / "tokenizer.json").is_file():
        from transformers import PreTrainedTokenizerFast

        generic: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(directory)
        return generic
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(directory, trust_remote_code=False)
    return tokenizer


def hash_of_template(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """Return the hash of the text of the chat template. None if there is no template, or no default template."""
    try:
        return template_hash(tokenizer.get_chat_template())
    except ValueError:
        return None


def token_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Return the token ids of a text. The tokenizer adds no special tokens.

    Raises:
        InputError: The tokenizer cannot encode the text.
    """
    with _using(tokenizer, f"encode {text[:40]!r}"):
        return [int(token) for token in tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]]


def text_of(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    """Return the text of token ids. Special tokens stay in the text, because in some dialects they mark a call.

    Raises:
        InputError: The tokenizer cannot decode the ids.
    """
    with _using(tokenizer, f"decode {list(ids[:8])}"):
        return str(tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))


@contextmanager
def _using(tokenizer: PreTrainedTokenizerBase, action: str) -> Iterator[None]:
    """Convert every error of a tokenizer to an `InputError`, because somebody else made the tokenizer."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # The error of a crash inside the Rust library is not a subclass of `Exception`.
        raise InputError(
            f"the tokenizer of {tokenizer.name_or_path} cannot {action}: {cause(error)}", _SAVE_AGAIN
        ) from error
