"""Finds the weights of a candidate on this machine, or downloads the weights. This module does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hub import cached, download, gated

__all__ = ["Weights", "base_on_this_machine", "locate", "to_download"]

_LFS_POINTER = b"version "
"""The first eight bytes of a Git LFS pointer, which is a short text in place of a large file. A safetensors file never
begins with these bytes."""

_MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")
_BASE_MARKER = "config.json"


@dataclass(frozen=True, slots=True)
class Weights:
    """The directories of the weights: of the base, and of the adapter (None if there is no adapter)."""

    base: Path
    adapter: Path | None = None


def _stored(repo: str, revision: str | None, marker: str) -> Path | None:
    """Return the folder of a repository in the local cache. None if the weights or the file `marker` are missing."""
    folder = cached(repo, revision)
    complete = folder is not None and (folder / marker).is_file() and any(folder.glob("*.safetensors"))
    return folder if complete else None


def to_download(candidate: Candidate) -> list[tuple[str, str | None]]:
    """Return the repositories that `locate` would download for a candidate, each with its revision."""
    missing = []
    if candidate.kind == "hub" and _stored(candidate.base, candidate.revision, _BASE_MARKER) is None:
        missing.append((candidate.base, candidate.revision))
    adapter = candidate.adapter
    if adapter and not Path(adapter).exists() and _stored(adapter, candidate.adapter_revision, ADAPTER_CONFIG) is None:
        missing.append((adapter, candidate.adapter_revision))
    return missing


def _fetch(repo: str, revision: str | None, needs_consent: bool, marker: str) -> Path:
    from huggingface_hub import get_token

    if (folder := _stored(repo, revision, marker)) is not None:
        return folder
    if needs_consent and get_token() is None:
        raise gated(repo)
    return download(repo, revision, _MODEL_FILES)


def base_on_this_machine(candidate: Candidate) -> Path | None:
    """Return the directory of a candidate's base. None if the weights do not exist or are not downloaded yet."""
    if candidate.kind == "hub":
        return cached(candidate.base, candidate.revision)
    return Path(candidate.base) if candidate.kind == "local" else None


def locate(candidate: Candidate) -> Weights:
    """Return the directories of a `local` or `hub` candidate. Weights that are not on this machine are downloaded.

    Raises:
        InputError: The hub has no such model or revision. Or a directory has no safetensors file, or an incomplete
            safetensors file.
        EnvironmentFault: There is no network or no access, or the download failed.
    """
    if candidate.kind == "hub":
        base = _fetch(candidate.base, candidate.revision, candidate.gated, _BASE_MARKER)
    else:
        base = Path(candidate.base)
    if not any(base.glob("*.safetensors")):
        raise InputError(
            f"{base} has no *.safetensors",
            "Save the model with save_pretrained(). Toolmark does not read pickle files.",
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


def _check_safetensors(folder: Path) -> None:
    """Check that each safetensors file is complete. The first eight bytes of a file are the length of its header."""
    for file in folder.glob("*.safetensors"):
        with file.open("rb") as stream:
            start = stream.read(8)
        if start == _LFS_POINTER:
            raise InputError(
                f"{file} is only a Git LFS pointer and contains no weights",
                "Download the weights: git lfs pull. In a GitHub workflow, give actions/checkout the input lfs: true",
            )
        if len(start) < 8 or int.from_bytes(start, "little") > file.stat().st_size - 8:
            raise InputError(
                f"{file} is not a complete safetensors file",
                "Copy or download the file again, or save the model again.",
            )
