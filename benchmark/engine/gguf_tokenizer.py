"""Makes the tokenizer of a GGUF file: from the file itself, or from a `tokenizer.json` that the user put beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.candidates.gguf_header import GgufHeader
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.engine.loading_errors import loading

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["tokenizer_of"]

_TOKENIZERS = ("tokenizer.json", "tokenizer.model")

_NAMES_OF_SPECIAL_TOKENS = ("tokenizer_config.json", "special_tokens_map.json")
"""Files that say which tokens are the special ones. `tokenizer.json` does not say it."""

_SPECIAL_TOKENS = {"bos": "bos_token", "eos": "eos_token", "unknown": "unk_token", "padding": "pad_token"}
"""The special tokens: the name in the header of the file, and the name in transformers."""

_OTHER_TOKENS = 0.01
"""The largest share of tokens that a tokenizer beside the file may write in another way. Converters write some special
tokens in another way."""

_BYTE_LEVEL = "gpt2"
"""The kind of vocabulary whose text is first split into words by a rule. The header names the rule."""

_RULE_OF_GPT2 = {
    *("gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "gigachat", "a.x-4.0", "mellum", "granite-docling"),
}
_SINGLE_DIGITS = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"}
"""The rule of GPT-2, with each digit as a word of its own.

Source: `llm_tokenizer_bpe` in https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp
"""


def tokenizer_of(file: Path, header: GgufHeader, files: Mapping[str, Path]) -> PreTrainedTokenizerBase:
    """Return the tokenizer beside a GGUF file, or the one in the file if there is none beside it.

    Args:
        file: The GGUF file.
        header: The header of the file.
        files: The files beside it that replace its tokenizer, by their names.

    Raises:
        InputError: The tokenizer beside the file belongs to another model, or the tokenizer in the file splits text in
            a way that transformers does not know.
    """
    from transformers import AutoTokenizer

    source = next((files[name] for name in _TOKENIZERS if name in files), None)
    tokenizer: PreTrainedTokenizerBase
    if source is not None:
        with loading(source.parent, "tokenizer"):
            tokenizer = AutoTokenizer.from_pretrained(source.parent, trust_remote_code=False, local_files_only=True)
        _check_vocabulary(file, header.tokens, source, tokenizer.get_vocab())
        if not any(name in files for name in _NAMES_OF_SPECIAL_TOKENS):
            _set_special_tokens(tokenizer, header)
        if not tokenizer.chat_template:
            tokenizer.chat_template = header.fields.get("tokenizer.chat_template")
        return tokenizer
    _check_rule(file, header)
    with loading(file, "gguf"), TemporaryDirectory(prefix="toolmark-") as empty:
        tokenizer = AutoTokenizer.from_pretrained(
            empty, gguf_file=str(file.resolve()), trust_remote_code=False, local_files_only=True
        )
        if header.fields.get("tokenizer.ggml.pre") in _SINGLE_DIGITS:
            _split_digits(tokenizer)
    return tokenizer


def _check_vocabulary(file: Path, tokens: Sequence[str], source: Path, vocabulary: Mapping[str, int]) -> None:
    """Check that a tokenizer gives the tokens the ids that they have in the GGUF file."""
    other = [token for token, number in vocabulary.items() if number >= len(tokens) or tokens[number] != token]
    if len(other) > _OTHER_TOKENS * len(vocabulary) or 2 * len(vocabulary) < len(tokens):
        raise InputError(
            f"{source} is the tokenizer of another model. In {file}, {len(other):,} of the {len(vocabulary):,} tokens "
            f"of this tokenizer have another id, for example {printable(str(other[:1]))[:80]}",
            f"Put the model's own tokenizer into the folder {file.with_suffix('')}, or move {source.name} away.",
        )


def _set_special_tokens(tokenizer: PreTrainedTokenizerBase, header: GgufHeader) -> None:
    """Set the special tokens that the header names and the tokenizer does not have."""
    known = set(tokenizer.get_vocab().values())
    for name, attribute in _SPECIAL_TOKENS.items():
        number = header.fields.get(f"tokenizer.ggml.{name}_token_id")
        if getattr(tokenizer, attribute) is None and number in known:
            setattr(tokenizer, attribute, tokenizer.convert_ids_to_tokens(number))  # type: ignore[arg-type]


def _check_rule(file: Path, header: GgufHeader) -> None:
    """Check that transformers knows the rule that splits a text into words. It uses GPT-2's rule for unknown names."""
    rule = header.fields.get("tokenizer.ggml.pre")
    known = _known_rules()
    if header.fields.get("tokenizer.ggml.model") != _BYTE_LEVEL or known is None:
        return
    if rule not in {*known, *_RULE_OF_GPT2, *_SINGLE_DIGITS}:
        folder = file.with_suffix("")
        named = "without a name" if rule is None else repr(printable(str(rule))[:80])
        raise InputError(
            f"{file} splits a text into words by a rule that transformers does not know: {named} (tokenizer.ggml.pre)",
            "Put the model's tokenizer beside the file: hf download ORG/NAME tokenizer.json tokenizer_config.json "
            f"--local-dir {folder}",
        )


def _known_rules() -> Collection[str] | None:
    try:
        from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS
    except ImportError:  # An older version of transformers chooses the rule by the architecture.
        return None
    rules: Collection[str] = GGUF_PRE_TOKENIZER_SPLITS
    return rules


def _split_digits(tokenizer: PreTrainedTokenizerBase) -> None:
    from tokenizers import pre_tokenizers

    backend: Any = tokenizer
    backend.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
