"""Names the text files of a model directory: those of its tokenizer, and all of them."""

from __future__ import annotations

from pathlib import Path

__all__ = ["TEXT_SUFFIXES", "TOKENIZER_FILES", "text_files", "tokenizer_files"]

TEXT_SUFFIXES = (".json", ".jinja", ".model", ".txt")
"""The suffixes of the files that describe a model: its configuration, its tokenizer and its chat template."""

TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "vocab.txt"),
)
"""The files from which transformers makes a tokenizer. The vocabulary of some tokenizers is not in `tokenizer.json`."""


def tokenizer_files(folder: Path) -> list[Path]:
    """Return the files of the tokenizer in a model directory that exist.

    The vocabulary of SentencePiece can have any name, for example `spiece.model`.
    """
    named = {folder / name for name in TOKENIZER_FILES if (folder / name).is_file()}
    return sorted(named | set(folder.glob("*.model")))


def text_files(folder: Path) -> list[Path]:
    """Return the text files of a model directory."""
    return sorted(file for suffix in TEXT_SUFFIXES for file in folder.glob(f"*{suffix}"))
