"""What is asked of the Hugging Face hub: is it there, may we, and give us the files.

What lies in the hub's cache is used without asking the network. Otherwise the hub is probed once, for at most two
seconds, so that "no network" and "no access" are said at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from benchmark.errors import EnvironmentFault, InputError

__all__ = ["Kind", "cached", "download", "gated", "is_id", "page", "probe", "reach"]

Kind = Literal["model", "dataset"]

_PROBE_SECONDS = 2.0
_PLACES = {"model": "", "dataset": "datasets/"}
_ELSE = {"model": "offline, try --model pocket", "dataset": "offline, name a local folder"}


def is_id(repo: str) -> bool:
    """Whether `repo` is spelled as ORG/NAME."""
    return re.fullmatch(r"[\w.-]{1,96}/[\w.-]{1,96}", repo) is not None


def page(repo: str, kind: Kind) -> str:
    """The address of `repo` for people."""
    return f"https://huggingface.co/{_PLACES[kind]}{repo}"


def by_hand(repo: str, kind: Kind) -> str:
    """The command that puts `repo` into the cache."""
    return f"hf download {repo}" + (" --repo-type dataset" if kind == "dataset" else "")


def cached(repo: str, revision: str | None, kind: Kind = "model") -> Path | None:
    """The folder of `repo` in the hub's cache, where there is one; it may hold some of the files only."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repo, revision=revision, repo_type=kind, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def reach(repo: str, kind: Kind = "model") -> None:
    """Ask the hub about `repo`, which need not be there yet.

    Raises:
        EnvironmentFault: The hub cannot be reached.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError

    try:
        if not constants.HF_HUB_OFFLINE:
            HfApi().repo_info(repo, repo_type=kind, timeout=_PROBE_SECONDS)
            return
    except HfHubHTTPError:  # it answers, whatever it says
        return
    except Exception:  # noqa: S110 - as in `probe`
        pass
    raise EnvironmentFault("the hub cannot be reached", "Connect and run again; HF_HUB_OFFLINE must not be set.")


def probe(repo: str, revision: str | None = None, kind: Kind = "model") -> None:
    """Ask the hub whether `repo` can be had; every refusal names what mends it.

    Raises:
        InputError: There is no such repository or revision.
        EnvironmentFault: The hub cannot be reached, or `repo` is gated.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    offline = EnvironmentFault(
        f"{repo} is not in the local cache and the hub cannot be reached",
        f"Connect and run again, or put the {kind} here first: {by_hand(repo, kind)}; {_ELSE[kind]}.",
    )
    if constants.HF_HUB_OFFLINE:
        raise offline
    try:
        HfApi().repo_info(repo, revision=revision, repo_type=kind, timeout=_PROBE_SECONDS)
    except GatedRepoError:
        raise gated(repo, kind) from None
    except RevisionNotFoundError:
        raise InputError(f"{repo} has no revision {revision!r}", f"See {page(repo, kind)}/tree/main") from None
    except RepositoryNotFoundError:
        raise InputError(
            f"the hub has no {kind} {repo!r}, or your token may not see it", "Check the id, or log in: hf auth login"
        ) from None
    except Exception:  # the hub library's HTTP stack, and with it the type, differs between its versions
        raise offline from None


def gated(repo: str, kind: Kind = "model") -> EnvironmentFault:
    """The error of a repository that asks for consent."""
    return EnvironmentFault(
        f"{repo} is gated and no token with access is at hand",
        f"Accept its licence at {page(repo, kind)}, then: hf auth login (or set HF_TOKEN)",
    )


def download(repo: str, revision: str | None, patterns: Sequence[str], kind: Kind = "model") -> Path:
    """The folder of `repo` with its files that match `patterns`, fetched after a probe.

    Raises:
        InputError, EnvironmentFault: As `probe`; or the download broke.
    """
    from huggingface_hub import snapshot_download

    probe(repo, revision, kind)
    try:
        return Path(snapshot_download(repo, revision=revision, repo_type=kind, allow_patterns=list(patterns)))
    except OSError as error:
        raise EnvironmentFault(
            f"{repo} could not be downloaded: {error}", f"Try again, or by hand: {by_hand(repo, kind)}"
        ) from error
