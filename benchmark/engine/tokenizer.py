"""Reads the tokenizer and the context length of a model directory, without torch if possible.

With tokenizer and context length, prompts that are too long can be found before the model is loaded. The import of
torch takes seconds, so it is avoided here. The automatic classes of transformers (`AutoTokenizer`) import torch. The
generic class (`PreTrainedTokenizerFast`) does not import torch.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

__all__ = ["context_length", "open_tokenizer"]

_GENERIC = {"PreTrainedTokenizerFast", "TokenizersBackend"}


def open_tokenizer(directory: Path) -> PreTrainedTokenizerBase:
    """Return the tokenizer of a model directory.

    Raises:
        OSError, ValueError, KeyError: Transformers cannot read the tokenizer.
    """
    kind = _read(directory / "tokenizer_config.json").get("tokenizer_class")
    if kind in _GENERIC and (directory / "tokenizer.json").is_file():
        from transformers import PreTrainedTokenizerFast

        generic: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(directory)
        return generic
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(directory, trust_remote_code=False)
    return tokenizer


def context_length(directory: Path) -> int | None:
    """Return the context length of a model in tokens. None if it is not known.

    Raises:
        OSError, ValueError, KeyError: Transformers cannot read the configuration.
    """
    config = _read(directory / "config.json")
    for part in (config.get("text_config") or {}, config):
        if "max_position_embeddings" in part:
            return int(part["max_position_embeddings"])
    from transformers import AutoConfig

    config_of_family = AutoConfig.from_pretrained(directory, trust_remote_code=False)
    text_config = config_of_family.get_text_config()  # has the default of the model family
    return int(getattr(text_config, "max_position_embeddings", 0)) or None


def _read(file: Path) -> dict[str, Any]:
    content = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return content if isinstance(content, dict) else {}
