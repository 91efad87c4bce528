"""Uploads the folder of a trace dataset to the hub, without the file of rejected traces."""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.core.hub import check_id, upload, writable
from toolmark.generators.trace_dataset.card import dataset_card

__all__ = ["check_upload", "upload_dataset"]

_CARD = "README.md"
_NOT_PUBLISHED = "rejected.jsonl"


def check_upload(repo: str, folder: Path, flag: str) -> None:
    """Check that an upload will be possible. The check runs before a generation, because a generation can take hours.

    Args:
        repo: The data set on the hub, ORG/NAME.
        folder: The folder that will be uploaded.
        flag: The option with the value `repo`, for the error message.

    Raises:
        InputError: `repo` is not a name of the form ORG/NAME.
        EnvironmentFault: There is no token, or the hub cannot be reached.
    """
    check_id(repo, flag)
    writable(repo, "dataset", _push_command(folder, repo))


def upload_dataset(folder: Path, repo: str, *, private: bool) -> str:
    """Upload the dataset in `folder` to `repo`. If `repo` does not exist, create `repo`.

    Returns:
        The web address of the commit.

    Raises:
        InputError: `folder` is not a trace dataset, or the hub refuses its card.
        EnvironmentFault: There is no token, the token has no permission to write to `repo`, or there is no network.
    """
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    found.pop(_NOT_PUBLISHED, None)
    files: dict[str, Path | str] = {_CARD: dataset_card(folder), **found}
    return upload(
        repo,
        files,
        "dataset",
        private=private,
        message="Toolmark: conversations and cases",
        card=folder / _CARD,
        again=_push_command(folder, repo),
    )


def _push_command(folder: Path, repo: str) -> str:
    return f"toolmark data push {folder} --to {repo}"
