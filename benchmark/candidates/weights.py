"""Finding a candidate's weights on this machine, or downloading the weights. This module does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hub import cached, download, gated

__all__ = ["Weights", "locate"]

_LFS_POINTER = b"version "
"""The first eight bytes of the text that Git LFS commits instead of a file. No safetensors file begins with them."""

_MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")


@dataclass(frozen=True, slots=True)
class Weights:
    """The directories of a base and of its adapter, if there is one."""

    base: Path
    adapter: Path | None = None


def _fetch(repo: str, revision: str | None, needs_consent: bool, marker: str) -> Path:
    from huggingface_hub import get_token

    folder = cached(repo, revision)
    if folder is not None and (folder / marker).is_file() and any(folder.glob("*.safetensors")):
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
        base = _fetch(candidate.base, candidate.revision, candidate.gated, "config.json")
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
        adapter = _fetch(candidate.adapter, candidate.adapter_revision, False, "adapter_config.json")
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
