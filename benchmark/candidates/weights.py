"""From a candidate's name to directories on this machine; the only place that speaks to a hub.

What lies in the hub's cache is used without asking the network. Otherwise the hub is probed once, for at most two
seconds, before anything heavy is imported, so that "no network" and "no access" are said at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmark.candidates.spec import Candidate
from benchmark.errors import EnvironmentFault, InputError

__all__ = ["Weights", "locate"]

_PROBE_SECONDS = 2.0
_MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")


@dataclass(frozen=True, slots=True)
class Weights:
    """Directories of the base and, where there is one, of the adapter."""

    base: Path
    adapter: Path | None = None


def _cached(repo: str, revision: str | None, marker: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo, marker, revision=revision)
    folder = Path(found).parent if isinstance(found, str) else None
    return folder if folder is not None and any(folder.glob("*.safetensors")) else None


def _probe(repo: str, revision: str | None) -> None:
    """Ask the hub whether `repo` can be had; every refusal names what mends it."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    offline = EnvironmentFault(
        f"{repo} is not in the local cache and the hub cannot be reached",
        f"Connect and run again, or put the model here first: hf download {repo}; offline, try --model pocket.",
    )
    if constants.HF_HUB_OFFLINE:
        raise offline
    try:
        HfApi().model_info(repo, revision=revision, timeout=_PROBE_SECONDS)
    except GatedRepoError:
        raise _gated(repo) from None
    except RevisionNotFoundError:
        raise InputError(
            f"{repo} has no revision {revision!r}", f"See https://huggingface.co/{repo}/tree/main"
        ) from None
    except RepositoryNotFoundError:
        raise InputError(
            f"the hub has no model {repo!r}, or your token may not see it", "Check the id, or log in: hf auth login"
        ) from None
    except Exception:  # the hub library's HTTP stack, and with it the type, differs between its versions
        raise offline from None


def _gated(repo: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"{repo} is gated and no token with access is at hand",
        f"Accept its licence at https://huggingface.co/{repo}, then: hf auth login (or set HF_TOKEN)",
    )


def _fetch(repo: str, revision: str | None, gated: bool, marker: str) -> Path:
    from huggingface_hub import get_token, snapshot_download

    found = _cached(repo, revision, marker)
    if found is not None:
        return found
    if gated and get_token() is None:
        raise _gated(repo)
    _probe(repo, revision)
    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=list(_MODEL_FILES)))
    except OSError as error:
        raise EnvironmentFault(
            f"{repo} could not be downloaded: {error}", f"Try again, or by hand: hf download {repo}"
        ) from error


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
