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
from collections.abc import Iterator, Mapping
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
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.engine.base_model import check_keys, check_size, empty_model
from toolmark.benchmark.engine.gguf_rope import check_rotation
from toolmark.benchmark.engine.gguf_settings import check_tensors, set_unread_settings
from toolmark.benchmark.engine.gguf_tokenizer import tokenizer_of
from toolmark.benchmark.engine.loading_errors import cause, loading
from toolmark.benchmark.engine.model_config import configured_stops

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

__all__ = ["converted"]

_BYTES_OF_A_WEIGHT = 4

_TEMPLATE = "chat_template.jinja"

_GENERATION = "generation_config.json"


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
            with phase(f"converting {file.name}"), new_folder(folder) as unfinished:
                _convert(file, header, files, unfinished)
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
    _check_beside(files)
    tokenizer = tokenizer_of(file, header, files)
    with loading(file, "gguf"), _without_bar():
        model = _model(file, header)
        model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    for name in (_TEMPLATE, _GENERATION):
        if name in files:
            shutil.copyfile(files[name], out / name)
    _drop_version(out / "config.json")
    (out / SOURCE).write_text(gguf_hash(file), encoding="ascii")


def _check_beside(files: Mapping[str, Path]) -> None:
    """Check the files beside a GGUF file that are copied. So an error names the user's file, and not its copy."""
    if _GENERATION in files:
        configured_stops(files[_GENERATION].parent)
    if (template := files.get(_TEMPLATE)) is not None:
        try:
            text = template.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{template} is not UTF-8: {cause(error)}", "Write the file again, in UTF-8.") from None
        if not text.strip():
            raise InputError(
                f"{template} is empty", "Write a chat template into it, or delete it to use the template of the model."
            )


def _model(file: Path, header: GgufHeader) -> PreTrainedModel:
    """Return the dequantised model in float32, as a usual model."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with TemporaryDirectory(prefix="toolmark-") as empty:  # Transformers also reads other files of the folder.
        read: dict[str, Any] = {"gguf_file": str(file.resolve()), "local_files_only": True}
        config: PretrainedConfig = AutoConfig.from_pretrained(empty, trust_remote_code=False, **read)
        check_size(file, config, header.parameters)
        set_unread_settings(file, config, header)
        check_tensors(file, config, header)
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
    check_rotation(file, quantised, header)
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


def _drop_version(config: Path) -> None:
    """Remove the version of transformers from a configuration, because it would change the identity of the model."""
    content = json.loads(config.read_text(encoding="utf-8"))
    content.pop("transformers_version", None)
    config.write_text(json.dumps(content, indent=2), encoding="utf-8")
