"""A trace dataset at the hub: the folder as it is, whose card tells `datasets` how to read it."""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.core.hub import check_id, upload, writable
from toolmark.generators.card import dataset_card

__all__ = ["check_push", "push"]

_CARD = "README.md"
_NOT_PUBLISHED = "rejected.jsonl"


def check_push(repo: str, folder: Path, flag: str) -> None:
    """Is all there that a push needs: asked before hours of work, not after.

    Raises:
        InputError: `repo`, the value of `flag`, is not the name of a hub repository.
        EnvironmentFault: No token, or no hub.
    """
    check_id(repo, flag)
    writable(repo, "dataset", _again(folder, repo))


def push(folder: Path, repo: str, *, private: bool) -> str:
    """Upload the dataset in `folder` to `repo`, which is made where it is not there; the commit's address.

    Raises:
        InputError: `folder` holds no trace dataset, or the hub refuses its card.
        EnvironmentFault: No token, no right, no network.
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
        again=_again(folder, repo),
    )


def _again(folder: Path, repo: str) -> str:
    return f"toolmark data push {folder} --to {repo}"
