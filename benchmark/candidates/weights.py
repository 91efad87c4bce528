"""Finding a candidate's weights on this machine, or downloading the weights. This module does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hub import cached, download, gated

__all__ = ["Weights", "locate", "to_download"]

_LFS_POINTER = b"version "
"""The first eight bytes of the text that Git LFS commits instead of a file. No safetensors file begins with them."""

_MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")
_BASE_MARKER, _ADAPTER_MARKER = "config.json", "adapter_config.json"


@dataclass(frozen=True, slots=True)
class Weights:
    """The directories of a base and of its adapter, if there is one."""

    base: Path
    adapter: Path | None = None


def _stored(repo: str, revision: str | None, marker: str) -> Path | None:
    """The folder of a repository in the local cache. None if the cache has no weights or no file `marker` of it."""
    folder = cached(repo, revision)
    complete = folder is not None and (folder / marker).is_file() and any(folder.glob("*.safetensors"))
    return folder if complete else None


def to_download(candidate: Candidate) -> list[tuple[str, str | None]]:
    """The repositories, with their revisions, that `locate` would download for a `local` or `hub` candidate."""
    missing = []
    if candidate.kind == "hub" and _stored(candidate.base, candidate.revision, _BASE_MARKER) is None:
        missing.append((candidate.base, candidate.revision))
    adapter = candidate.adapter
    if adapter and not Path(adapter).exists() and _stored(adapter, candidate.adapter_revision, _ADAPTER_MARKER) is None:
        missing.append((adapter, candidate.adapter_revision))
    return missing


def _fetch(repo: str, revision: str | None, needs_consent: bool, marker: str) -> Path:
    from huggingface_hub import get_token

    if (folder := _stored(repo, revision, marker)) is not None:
        return folder
    if needs_consent and get_token() is None:
        raise gated(repo)
    return download(repo, revision, _MODEL_FILES)


def locate(candidate: Candidate) -> Weights:
    """The directories of a `local` or `hub` candidate. Weights that are not on this machine are downloaded.

    Raises:
        InputError: The hub has no such model or revision, or a directory has no safetensors, or one that is not whole.
        EnvironmentFault: There is no network or no access, or the download failed.
    """
    if candidate.kind == "hub":
        base = _fetch(candidate.base, candidate.revision, candidate.gated, _BASE_MARKER)
    else:
        base = Path(candidate.base)
    if not any(base.glob("*.safetensors")):
        raise InputError(
            f"{base} has no *.safetensors", "Save the model with save_pretrained(). Pickled weights are never loaded."
        )
    _check_safetensors(base)
    if candidate.adapter is None:
        return Weights(base)
    adapter = Path(candidate.adapter)
    if not adapter.exists():
        adapter = _fetch(candidate.adapter, candidate.adapter_revision, False, _ADAPTER_MARKER)
    _check_safetensors(adapter)
    return Weights(base, adapter)


def _check_safetensors(folder: Path) -> None:
    """Check the beginning of each weights file. The file begins with the length of its header, in eight bytes."""
    for file in folder.glob("*.safetensors"):
        with file.open("rb") as stream:
            start = stream.read(8)
        if start == _LFS_POINTER:
            raise InputError(
                f"{file} is a pointer of Git LFS, and the weights themselves are not here",
                "Download them: git lfs pull. In a GitHub workflow, give actions/checkout the input lfs: true",
            )
        if len(start) < 8 or int.from_bytes(start, "little") > file.stat().st_size - 8:
            raise InputError(
                f"{file} is not a whole safetensors file", "Copy or download the file again, or save the model again."
            )
