"""Names the files of a GGUF model: the file itself, the tokenizer beside the file, and the converted folder.

Toolmark converts a GGUF file once to a model directory with safetensors, in the user's cache. Everything else uses this
directory. The user can replace the tokenizer and the chat template of `NAME.gguf` by other files. Toolmark looks for
these files in the folder `NAME` beside `NAME.gguf`. If there is no folder `NAME`, Toolmark looks in the folder that
contains `NAME.gguf`.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from toolmark.benchmark.candidates.model_texts import TOKENIZER_FILES
from toolmark.benchmark.core.cache_folder import cache_folder
from toolmark.benchmark.core.errors import reading
from toolmark.benchmark.core.hashing import digest, file_hash, hash_files

__all__ = ["GGUF", "SOURCE", "beside", "converted_folder", "gguf_hash", "is_gguf", "weights_hash"]

GGUF = ".gguf"

SOURCE = "gguf.sha256"
"""A file of a converted folder. It contains the hash of the GGUF file."""

_FORMAT = 2
"""Change this number if the conversion gives other files."""

_BESIDE = (*TOKENIZER_FILES, "chat_template.jinja", "generation_config.json")


def is_gguf(path: Path) -> bool:
    """Return whether `path` is an existing file with the suffix `.gguf`."""
    return path.suffix.lower() == GGUF and path.is_file()


def beside(file: Path) -> dict[str, Path]:
    """Return the files beside a GGUF file that replace its tokenizer, template or stop tokens. The key is the name."""
    own = file.with_suffix("")
    folder = own if own.is_dir() else file.parent
    return {name: folder / name for name in _BESIDE if (folder / name).is_file()}


def gguf_hash(file: Path) -> str:
    """Return the SHA-256 of a GGUF file. The hash is computed again only if the file changes.

    Raises:
        EnvironmentFault: The file cannot be read.
    """
    with reading(file):
        state = file.stat()
        return _hash(file.absolute(), state.st_size, state.st_mtime_ns)


@cache
def _hash(file: Path, size: int, changed: int) -> str:  # noqa: ARG001 - they are the key of the cache
    return file_hash(file)


def converted_folder(file: Path) -> Path:
    """Return the folder to which a GGUF file is converted. The folder possibly does not exist yet.

    The name depends on the content of the file and of the files beside it, and on the version of transformers.
    """
    try:
        of_transformers = version("transformers")
    except PackageNotFoundError:
        of_transformers = ""
    key = digest([_FORMAT, of_transformers, gguf_hash(file), hash_files(beside(file).values())])
    return cache_folder("gguf") / key / file.stem


def weights_hash(base: Path) -> str:
    """Return the hash that identifies the weights of a model directory, as 16 hexadecimal digits.

    For a converted folder, this is the hash of the GGUF file.
    """
    source = base / SOURCE
    if source.is_file():
        return source.read_text(encoding="ascii").strip()[:16]
    return hash_files(base.glob("*.safetensors"))
