"""What is asked of the Hugging Face hub: is it there, may we, give us the files, take these.

What lies in the hub's cache is used without asking the network. Otherwise the hub is probed once, for at most two
seconds, so that "no network" and "no access" are said at once.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from toolmark.benchmark.core.errors import EnvironmentFault, InputError

__all__ = ["Kind", "cached", "check_id", "download", "gated", "is_repo_id", "probe", "upload", "writable"]

Kind = Literal["model", "dataset"]

_PROBE_SECONDS = 2.0
_PLACES = {"model": "", "dataset": "datasets/"}
_ELSE = {"model": "offline, try --model pocket", "dataset": "offline, name a local folder"}


def is_repo_id(repo: str) -> bool:
    """Whether the hub library accepts `repo` as the id of a repository: NAME or ORG/NAME."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined] # public, but not typed as such

    try:
        validate_repo_id(repo)
    except HFValidationError:
        return False
    return True


def check_id(repo: str, flag: str) -> None:
    """Is `repo` spelled as ORG/NAME. Raises `InputError`, which names the option `flag`."""
    if repo.count("/") != 1 or not is_repo_id(repo):
        raise InputError(f"{flag} {repo!r} is no place at the hub", "Name it as ORG/NAME.")


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


def writable(repo: str, kind: Kind, again: str) -> bool:
    """Whether `repo` is there already, where it could be written: there is a token, and the hub answers.

    Args:
        repo: ORG/NAME.
        kind: Of the repository.
        again: The command to give again.

    Raises:
        EnvironmentFault: No token, or no hub.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import RepositoryNotFoundError

    if get_token() is None:
        raise EnvironmentFault("no token of the hub is at hand", "Log in: hf auth login (or set HF_TOKEN)")
    try:
        HfApi().repo_info(repo, repo_type=kind, timeout=_PROBE_SECONDS)  # so that "no network" is said at once
    except RepositoryNotFoundError:
        return False
    except Exception as error:  # the hub library's HTTP stack, and with it the type, differs between its versions
        raise _not_written(repo, error, again) from None
    return True


def upload(
    repo: str, files: Mapping[str, Path | str], kind: Kind, *, private: bool, message: str, card: Path, again: str
) -> str:
    """Write `files`, paths or texts by their names there, in one commit; the commit's address.

    Args:
        repo: ORG/NAME; made where it is not there.
        files: What to write.
        kind: Of the repository.
        private: A repository that is made is for its owner's eyes only.
        message: Of the commit.
        card: Where the user corrects a card that the hub refuses.
        again: The command to give again.

    Raises:
        InputError: The hub refuses the card.
        EnvironmentFault: No token, no right, no network.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    there = writable(repo, kind, again)
    operations = [
        CommitOperationAdd(name, str(content) if isinstance(content, Path) else content.encode())
        for name, content in files.items()
    ]
    api = HfApi()
    try:
        if not there:
            api.create_repo(repo, repo_type=kind, private=private or None, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the hub's remarks on metadata that it takes
            commit = api.create_commit(repo, operations, repo_type=kind, commit_message=message)
    except Exception as error:  # as in `writable`
        if isinstance(error, ValueError) and str(error).startswith("Invalid metadata"):
            raise InputError(f"the hub refuses the card: {error}", f"Correct {card}.") from None
        raise _not_written(repo, error, again) from None
    return str(commit.commit_url)


def _not_written(repo: str, error: Exception, again: str) -> EnvironmentFault:
    from huggingface_hub import constants, get_token

    said = " ".join(str(error).replace(get_token() or "\0", "(token)").split())[:300]
    answer = getattr(error, "response", None)
    if answer is None:
        return EnvironmentFault(
            f"{constants.ENDPOINT} cannot be reached: {said or type(error).__name__}",
            f"Connect (and unset HF_HUB_OFFLINE), then give the same command again: {again}",
        )
    if answer.status_code in (401, 403):
        return EnvironmentFault(
            f"the token may not write to {repo}: {said}",
            "Make one that may at https://huggingface.co/settings/tokens, then: hf auth login",
        )
    return EnvironmentFault(f"the hub refused {repo}: {said}", f"Mend that, then: {again}")


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
