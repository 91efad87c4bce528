"""Finds the files of a candidate on this machine, or downloads the files. This module does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from toolmark.benchmark.candidates.gguf_files import converted_folder
from toolmark.benchmark.candidates.model_texts import TEXT_SUFFIXES
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.core.errors import InputError, reading
from toolmark.benchmark.core.hub import cached, download, gated, page
from toolmark.benchmark.core.regular_files import check_folder

__all__ = ["Weights", "base_on_this_machine", "fetch", "to_download"]

_LFS_POINTER = b"version "
"""The first eight bytes of a Git LFS pointer, which is a short text in place of a large file. A file of weights never
begins with these bytes."""

_BASE_MARKER = "config.json"


@dataclass(frozen=True, slots=True)
class Weights:
    """The directories of the weights: of the base, and of the adapter (None if there is no adapter).

    In the result of `fetch`, the base can also be a GGUF file.
    """

    base: Path
    adapter: Path | None = None


def _stored(repo: str, revision: str | None, marker: str, file: str | None = None) -> Path | None:
    """Return the folder of a repository in the local cache. None if the weights or the file `marker` are missing.

    If `file` is given, return this GGUF file instead. None if the file is missing.
    """
    folder = cached(repo, revision)
    if folder is None:
        return None
    if file is not None:
        return folder / file if (folder / file).is_file() else None
    return folder if (folder / marker).is_file() and any(folder.glob("*.safetensors")) else None


def to_download(candidate: Candidate) -> list[tuple[str, str | None, str | None]]:
    """Return what `fetch` would download for a candidate: tuples (repository, revision, GGUF file or None)."""
    missing: list[tuple[str, str | None, str | None]] = []
    if candidate.kind == "hub" and not _stored(candidate.base, candidate.revision, _BASE_MARKER, candidate.file):
        missing.append((candidate.base, candidate.revision, candidate.file))
    adapter = candidate.adapter
    if adapter and not Path(adapter).exists() and _stored(adapter, candidate.adapter_revision, ADAPTER_CONFIG) is None:
        missing.append((adapter, candidate.adapter_revision, None))
    return missing


def _fetch(repo: str, revision: str | None, needs_consent: bool, marker: str, file: str | None = None) -> Path:
    from huggingface_hub import get_token

    if (found := _stored(repo, revision, marker, file)) is not None:
        return found
    if needs_consent and get_token() is None:
        raise gated(repo)
    folder = download(repo, revision, (file or "*.safetensors", *(f"*{suffix}" for suffix in TEXT_SUFFIXES)), file=file)
    if file is None:
        return folder
    if not (folder / file).is_file():
        raise InputError(
            f"{repo} has no file {file}", f"Choose a GGUF file that is listed at {page(repo, 'model')}/tree/main"
        )
    return folder / file


def base_on_this_machine(candidate: Candidate) -> Path | None:
    """Return the directory of a candidate's base.

    None if the weights do not exist, are not downloaded yet, or are in a GGUF file that is not converted yet.
    """
    if not candidate.has_weights:
        return None
    base = cached(candidate.base, candidate.revision) if candidate.kind == "hub" else Path(candidate.base)
    if base is not None and candidate.file is not None:
        base = base / candidate.file
    if base is None or not base.is_file():
        return base
    folder = converted_folder(base)
    return folder if folder.is_dir() else None


def fetch(candidate: Candidate) -> Weights:
    """Return the files of a `local` or `hub` candidate. Files that are not on this machine are downloaded.

    If the candidate contains the name of a GGUF file, the base is this file. Otherwise, the base is a directory.

    Raises:
        InputError: The hub has no such model or revision. Or a directory has no safetensors file, or an incomplete
            safetensors file.
        EnvironmentFault: There is no network or no access, or the download failed.
    """
    if candidate.kind == "hub":
        base = _fetch(candidate.base, candidate.revision, candidate.gated, _BASE_MARKER, candidate.file)
    else:
        base = Path(candidate.base)
    if base.is_file():
        _check_no_pointer(base)
    elif not any(base.glob("*.safetensors")):
        raise InputError(
            f"{base} has no *.safetensors",
            "Save the model with save_pretrained(). Toolmark does not read pickle files. To use a GGUF file, write its "
            "name, for example hub/ORG/NAME:FILE.gguf",
        )
    _check_safetensors(base)
    if candidate.adapter is None:
        return Weights(base)
    adapter = Path(candidate.adapter)
    if not adapter.exists():
        adapter = _fetch(candidate.adapter, candidate.adapter_revision, False, ADAPTER_CONFIG)
    if not (adapter / ADAPTER_WEIGHTS).is_file():
        raise InputError(
            f"{adapter} has no {ADAPTER_WEIGHTS}",
            "Save the adapter with save_pretrained(). Toolmark does not read pickle files.",
        )
    _check_safetensors(adapter)
    return Weights(base, adapter)


def _check_no_pointer(file: Path) -> bytes:
    """Return the first eight bytes of a file of weights. They are checked not to be those of a Git LFS pointer."""
    with reading(file), file.open("rb") as stream:
        start = stream.read(8)
    if start == _LFS_POINTER:
        raise InputError(
            f"{file} is only a Git LFS pointer and contains no weights",
            "Download the weights: git lfs pull. In a GitHub workflow, give actions/checkout the input lfs: true",
        )
    return start


def _check_safetensors(folder: Path) -> None:
    """Check that each safetensors file is complete, and that the folder contains no named pipe or device.

    The first eight bytes of a safetensors file are the length of its header.
    """
    check_folder(folder)
    for file in folder.glob("*.safetensors"):
        start = _check_no_pointer(file)
        if len(start) < 8 or int.from_bytes(start, "little") > file.stat().st_size - 8:
            raise InputError(
                f"{file} is not a complete safetensors file",
                "Copy or download the file again, or save the model again.",
            )
