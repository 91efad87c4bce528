"""From a candidate's name to directories on this machine, before anything heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hub import cached, download, gated

__all__ = ["Weights", "locate"]

_MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")


@dataclass(frozen=True, slots=True)
class Weights:
    """Directories of the base and, where there is one, of the adapter."""

    base: Path
    adapter: Path | None = None


def _fetch(repo: str, revision: str | None, needs_consent: bool, marker: str) -> Path:
    from huggingface_hub import get_token

    found = cached(repo, revision)
    if found is not None and (found / marker).is_file() and any(found.glob("*.safetensors")):
        return found
    if needs_consent and get_token() is None:
        raise gated(repo)
    return download(repo, revision, _MODEL_FILES)


def locate(candidate: Candidate) -> Weights:
    """Directories of a `local` or `hub` candidate, downloaded where they are not here yet.

    Raises:
        InputError: The hub has no such model or revision, or a directory holds no safetensors.
        EnvironmentFault: No network, no access, or a broken download.
    """
    if candidate.kind == "hub":
        base = _fetch(candidate.base, candidate.revision, candidate.gated, "config.json")
    else:
        base = Path(candidate.base)
    if not any(base.glob("*.safetensors")):
        raise InputError(
            f"{base} holds no *.safetensors", "Save the model with save_pretrained(); pickled weights are never loaded."
        )
    if candidate.adapter is None:
        return Weights(base)
    adapter = Path(candidate.adapter)
    if not adapter.exists():
        adapter = _fetch(candidate.adapter, candidate.adapter_revision, False, "adapter_config.json")
    return Weights(base, adapter)
