"""Converts a GGUF file to a model directory: safetensors, configuration, tokenizer and chat template.

Transformers dequantises the weights. But the model still counts as quantised: it cannot be saved, and PEFT cannot merge
an adapter into it. So the weights are copied to a new instance of the model, which does not count as quantised. They
are written in float32, because the weights of a quantised block are not exact in 16 bits.

A conversion takes up to a minute, most of it for the vocabulary. So a file is converted only once, to a folder in the
user's cache.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from tqdm import tqdm

from toolmark.benchmark.candidates.gguf_files import SOURCE, beside, converted_folder, gguf_hash
from toolmark.benchmark.candidates.gguf_header import GgufHeader, read_gguf_header
from toolmark.benchmark.core.errors import EnvironmentFault, InputError, writing
from toolmark.benchmark.core.new_folder import new_folder
from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.engine.base_model import check_keys, check_size, empty_model
from toolmark.benchmark.engine.gguf_settings import complete
from toolmark.benchmark.engine.loading_errors import loading

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["converted"]

_BYTES_OF_A_WEIGHT = 4

_TEMPLATE = "chat_template.jinja"

_TOKENIZERS = ("tokenizer.json", "tokenizer.model")

_OTHER_TOKENS = 0.01
"""The largest share of tokens that a tokenizer beside the file may write in another way. Converters write some special
tokens in another way."""


def converted(file: Path) -> Path:
    """Return the model directory of a GGUF file. If this directory does not exist yet, it is made.

    Raises:
        InputError: The file is damaged, has an architecture or a type of weights that transformers cannot read, or has
            no chat template. Or the tokenizer beside the file belongs to another model.
        EnvironmentFault: The package `gguf` is not installed, or there is not enough space or memory.
    """
    folder = converted_folder(file)
    if folder.is_dir():
        return folder
    header = read_gguf_header(file)
    files = beside(file)
    if not header.has_template and _TEMPLATE not in files:
        raise InputError(
            f"{file} has no chat template",
            f"Use the instruction-tuned variant of the model, or put a {_TEMPLATE} beside the file.",
        )
    _check_space(file, folder, header)
    with writing(folder.parent), FileLock(f"{folder.parent}.lock"):
        if not folder.is_dir():
            with phase(f"converting {file.name}"), new_folder(folder) as partial:
                _convert(file, header, files, partial)
    return folder


def _check_space(file: Path, folder: Path, header: GgufHeader) -> None:
    with writing(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder.parent).free
    needed = _BYTES_OF_A_WEIGHT * header.parameters
    if needed > free:
        raise EnvironmentFault(
            f"the weights of {file} need {needed / 1e9:,.1f} GB, and {folder.parent} has {free / 1e9:,.1f} GB",
            "Free some disk space, or set XDG_CACHE_HOME to a folder on another disk.",
        )


def _convert(file: Path, header: GgufHeader, files: Mapping[str, Path], out: Path) -> None:
    tokenizer = _tokenizer(file, header, files)
    with loading(file, "gguf"), _without_bar():
        model = _model(file, header)
        model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    for name in (_TEMPLATE, "generation_config.json"):
        if name in files:
            shutil.copyfile(files[name], out / name)
    _drop_version(out / "config.json")
    (out / SOURCE).write_text(gguf_hash(file), encoding="ascii")


def _model(file: Path, header: GgufHeader) -> PreTrainedModel:
    """Return the dequantised model in float32, as a usual model."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with TemporaryDirectory(prefix="toolmark-") as empty:  # Transformers also reads other files of the folder.
        read: dict[str, Any] = {"gguf_file": str(file.resolve()), "local_files_only": True}
        config: PretrainedConfig = AutoConfig.from_pretrained(empty, trust_remote_code=False, **read)
        check_size(file, config, header.parameters)
        complete(config, header)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            empty,
            trust_remote_code=False,
            config=config,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **read,
        )
    quantised, report = loaded
    check_keys(file, quantised, report, config.to_dict())
    model = empty_model(config)
    model.load_state_dict(quantised.state_dict(), assign=True)
    model.tie_weights()
    model.generation_config = quantised.generation_config
    return model


@contextmanager
def _without_bar() -> Iterator[None]:
    """Silence the progress bar for the tensors of a GGUF file. Transformers has no option for this bar."""
    from transformers import modeling_gguf_pytorch_utils as reading

    names = vars(reading)
    bar = names.get("tqdm")
    names["tqdm"] = partial(tqdm, disable=True)
    try:
        yield
    finally:
        names["tqdm"] = bar


def _tokenizer(file: Path, header: GgufHeader, files: Mapping[str, Path]) -> PreTrainedTokenizerBase:
    """Return the tokenizer beside the file, or the one in the file if there is none beside it."""
    from transformers import AutoTokenizer

    source = next((files[name] for name in _TOKENIZERS if name in files), None)
    if source is not None:
        with loading(source.parent, "tokenizer"):
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
                source.parent, trust_remote_code=False, local_files_only=True
            )
        _check_vocabulary(file, header.tokens, source, tokenizer.get_vocab())
        if not tokenizer.chat_template:
            tokenizer.chat_template = header.fields.get("tokenizer.chat_template")
        return tokenizer
    with loading(file, "gguf"), TemporaryDirectory(prefix="toolmark-") as empty:
        inside: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            empty, gguf_file=str(file.resolve()), trust_remote_code=False, local_files_only=True
        )
    return inside


def _check_vocabulary(file: Path, tokens: Sequence[str], source: Path, vocabulary: Mapping[str, int]) -> None:
    """Check that a tokenizer gives the tokens the ids that they have in the GGUF file."""
    other = [token for token, number in vocabulary.items() if number >= len(tokens) or tokens[number] != token]
    if len(other) > _OTHER_TOKENS * len(vocabulary) or 2 * len(vocabulary) < len(tokens):
        raise InputError(
            f"{source} is the tokenizer of another model. In {file}, {len(other):,} of the {len(vocabulary):,} tokens "
            f"of this tokenizer have another id, for example {printable(str(other[:1]))[:80]}",
            f"Put the model's own tokenizer into the folder {file.with_suffix('')}, or move {source.name} away.",
        )


def _drop_version(config: Path) -> None:
    """Remove the version of transformers from a configuration, because it would change the identity of the model."""
    content = json.loads(config.read_text(encoding="utf-8"))
    content.pop("transformers_version", None)
    config.write_text(json.dumps(content, indent=2), encoding="utf-8")
