"""Downloads files from the Hugging Face hub, and uploads files.

Files in the local cache of the hub library are used without a request. Before a download, a request with a time limit
of two seconds checks that the repository can be read. So a user learns at once if there is no network or no access.

An upload contains no secrets. In a text file, secrets are hidden. If another file contains a secret, an error is
raised.
"""

from __future__ import annotations

import mmap
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.printing import say
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.core.secrets import known_secret_in, redacted, remember
from toolmark.benchmark.core.user_paths import nearest_path

__all__ = ["Kind", "cached", "check_id", "download", "gated", "is_repo_id", "probe", "upload", "writable"]

Kind = Literal["model", "dataset"]

_PROBE_SECONDS = 2.0
_URL_PREFIXES = {"model": "", "dataset": "datasets/"}
_WEIGHTS = (".safetensors", ".gguf")
_TEXTS = (".json", ".jsonl", ".yaml", ".yml", ".toml", ".md", ".txt", ".jinja", ".csv")
_OFFLINE = {"model": "without a network, use --model pocket", "dataset": "without a network, name a local folder"}


def is_repo_id(repo: str) -> bool:
    """Return whether `repo` is written like the id of a repository at the hub (NAME or ORG/NAME)."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined] # public, but not typed as such

    try:
        validate_repo_id(repo)
    except HFValidationError:
        return False
    return True


def check_id(repo: str, flag: str) -> None:
    """Check that `repo` is written as ORG/NAME.

    Args:
        repo: The value of the option.
        flag: The option, for the error.

    Raises:
        InputError: `repo` is not written as ORG/NAME.
    """
    if repo.count("/") != 1 or not is_repo_id(repo):
        raise InputError(f"{flag} {repo!r} is not the name of a hub repository", f"Write {flag} ORG/NAME.")


def page(repo: str, kind: Kind) -> str:
    """Return the address of the web page of `repo`."""
    return f"https://huggingface.co/{_URL_PREFIXES[kind]}{repo}"


def by_hand(repo: str, kind: Kind, file: str | None = None) -> str:
    """Return the command with which a user can download `repo`, or one file of it, to the local cache."""
    return f"hf download {repo}" + (f" {file}" if file else "") + (" --repo-type dataset" if kind == "dataset" else "")


def cached(repo: str, revision: str | None, kind: Kind = "model") -> Path | None:
    """Return the folder of `repo` in the local cache, or None. Possibly the folder contains only some of the files."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repo, revision=revision, repo_type=kind, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def writable(repo: str, kind: Kind, again: str) -> bool:
    """Check that files can be uploaded to the hub, and return whether `repo` exists.

    Args:
        repo: ORG/NAME.
        kind: Kind of the repository.
        again: The command of the user. Errors ask the user to run this command again.

    Raises:
        EnvironmentFault: There is no token, or the hub does not answer.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import RepositoryNotFoundError

    token = get_token()
    if token is None:
        raise EnvironmentFault("there is no Hugging Face token", "Log in with: hf auth login (or set HF_TOKEN)")
    remember(token)
    try:
        HfApi().repo_info(repo, repo_type=kind, timeout=_PROBE_SECONDS)  # This fails at once without a network.
    except RepositoryNotFoundError:
        return False
    except Exception as error:  # The type of the error depends on the version of the hub library.
        raise _not_written(repo, error, again) from None
    return True


def upload(
    repo: str, files: Mapping[str, Path | str], kind: Kind, *, private: bool, message: str, card: Path, again: str
) -> str:
    """Upload files in one commit.

    Args:
        repo: ORG/NAME. If the repository does not exist, it is created.
        files: Local paths or texts, by the name of the file in the repository.
        kind: Kind of the repository.
        private: Whether a new repository is private. An existing repository is not changed.
        message: Message of the commit.
        card: The local file of the card. If the hub refuses the card, the error names this file.
        again: The command of the user. Errors ask the user to run this command again.

    Returns:
        The address of the commit.

    Raises:
        InputError: The hub refuses the card, or a file that is not text contains a secret.
        EnvironmentFault: There is no token, no permission or no network.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    exists = writable(repo, kind, again)
    operations = [CommitOperationAdd(name, _without_secrets(name, content)) for name, content in files.items()]
    api = HfApi()
    try:
        if not exists:
            api.create_repo(repo, repo_type=kind, private=private or None, exist_ok=True)
        with warnings.catch_warnings(), phase(f"uploading to {repo}"):
            warnings.simplefilter("ignore")  # The library warns about metadata that the hub accepts.
            commit = api.create_commit(repo, operations, repo_type=kind, commit_message=message)
    except Exception as error:  # The type of the error depends on the version of the hub library.
        if isinstance(error, ValueError) and str(error).startswith("Invalid metadata"):
            raise InputError(f"the hub refuses the card: {error}", f"Correct the file {card}.") from None
        raise _not_written(repo, error, again) from None
    return str(commit.commit_url)


def _without_secrets(name: str, content: Path | str) -> str | bytes:
    """Return the content of a file for an upload. If the file contains no secret, return its path. Otherwise, return
    the bytes of the file with hidden secrets.

    Raises:
        InputError: The file contains a secret, and is not text.
    """
    if isinstance(content, str):
        return redacted(content).encode()
    # Weights contain only numbers, and are perhaps larger than the memory.
    if content.suffix in _WEIGHTS or not content.stat().st_size:
        return str(content)
    with content.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        if not known_secret_in(mapped):
            return str(content)
    if content.suffix not in _TEXTS:
        raise InputError(
            f"{content} contains an API key or a token",
            "Make the file again without the key, then upload.",
        )
    say(f"a key is hidden in the uploaded copy of {name}")
    return redacted(content.read_text(encoding="utf-8", errors="replace")).encode()


def _not_written(repo: str, error: Exception, again: str) -> EnvironmentFault:
    from huggingface_hub import constants

    reason = " ".join(redacted(str(error)).split())[:300]
    answer = getattr(error, "response", None)
    if answer is None:
        return EnvironmentFault(
            f"{constants.ENDPOINT} cannot be reached: {reason or type(error).__name__}",
            f"Connect to the network (and unset HF_HUB_OFFLINE), then run again: {again}",
        )
    if answer.status_code in (401, 403):
        return EnvironmentFault(
            f"the token is not allowed to write to {repo}: {reason}",
            "Create a token with write access at https://huggingface.co/settings/tokens, then run: hf auth login",
        )
    return EnvironmentFault(
        f"the hub refused to write {repo}: {reason}", f"Solve this problem, then run again: {again}"
    )


def probe(repo: str, revision: str | None = None, kind: Kind = "model", file: str | None = None) -> None:
    """Check that `repo` can be downloaded from the hub. If only one file is needed, `file` is its name for errors.

    Raises:
        InputError: The repository or the revision does not exist.
        EnvironmentFault: The hub cannot be reached, or `repo` is gated.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    command = by_hand(repo, kind, file)

    def offline() -> EnvironmentFault:
        near = nearest_path(repo)
        return EnvironmentFault(
            f"{repo} is not in the local cache, and the hub cannot be reached",
            (f"If you mean the folder {near}, write its name. Otherwise connect" if near else "Connect")
            + f" to the network and run again, or download the {kind} first: {command} ({_OFFLINE[kind]})",
        )

    if constants.HF_HUB_OFFLINE:
        raise offline()
    try:
        HfApi().repo_info(repo, revision=revision, repo_type=kind, timeout=_PROBE_SECONDS)
    except GatedRepoError:
        raise gated(repo, kind) from None
    except RevisionNotFoundError:
        raise InputError(
            f"{repo} has no revision {revision!r}", f"Choose a revision that is listed at {page(repo, kind)}/tree/main"
        ) from None
    except RepositoryNotFoundError:
        near = nearest_path(repo)
        raise InputError(
            f"the hub has no {kind} {repo!r}, or your token is not allowed to read it",
            "Check the name, or log in with: hf auth login. "
            + (f"If you mean the folder {near}, write its name" if near else "If you mean a folder, check its path"),
        ) from None
    except Exception:  # The type of the error depends on the version of the hub library.
        raise offline() from None


def gated(repo: str, kind: Kind = "model") -> EnvironmentFault:
    """Return the error for a gated repository. To read it, a user needs a token and must accept the licence."""
    return EnvironmentFault(
        f"{repo} is gated, and there is no token with access to it",
        f"Accept its licence at {page(repo, kind)}, then log in with: hf auth login (or set HF_TOKEN)",
    )


def download(
    repo: str, revision: str | None, patterns: Sequence[str], kind: Kind = "model", file: str | None = None
) -> Path:
    """Download files of `repo`. Before the download, `probe` checks the repository.

    Args:
        repo: ORG/NAME.
        revision: A branch, tag or commit. None means the main branch.
        patterns: Glob patterns of the files to download.
        kind: Kind of the repository.
        file: The name of the file, if only one file is needed. Errors contain this name.

    Returns:
        The local folder of the files.

    Raises:
        InputError: The repository or the revision does not exist.
        EnvironmentFault: The hub cannot be reached, `repo` is gated, or the download failed.
    """
    from huggingface_hub import snapshot_download

    probe(repo, revision, kind, file)
    try:
        with phase(f"downloading {repo}"):
            return Path(snapshot_download(repo, revision=revision, repo_type=kind, allow_patterns=list(patterns)))
    except OSError as error:
        raise EnvironmentFault(
            f"{repo} could not be downloaded: {error}",
            f"Run again, or download the {kind} with: {by_hand(repo, kind, file)}",
        ) from error
