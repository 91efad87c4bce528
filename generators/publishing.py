"""A trace dataset at the hub: the folder as it is, whose card tells `datasets` how to read it."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import EnvironmentFault, InputError
from benchmark.hub import is_id, page, reach
from generators.card import dataset_card

__all__ = ["push", "ready_to_push"]

_NOT_PUBLISHED = ["rejected.jsonl"]


def ready_to_push(repo: str) -> None:
    """Is all there that a push needs: asked before hours of work, not after.

    Raises:
        InputError: `repo` is no name of a data set.
        EnvironmentFault: No token, or no hub.
    """
    from huggingface_hub import get_token

    if not is_id(repo):
        raise InputError(f"{repo!r} is no name of a data set at the hub", "Name it as ORG/NAME.")
    if get_token() is None:
        raise EnvironmentFault(f"no token of the hub is at hand to write {repo}", "Log in: hf auth login (or HF_TOKEN)")
    reach(repo, "dataset")


def push(folder: Path, repo: str, *, public: bool = False) -> str:
    """Upload the dataset in `folder` to `repo`, which is made where it is not there; returns its address.

    Raises:
        InputError: `folder` holds no trace dataset, or `repo` is no name of one.
        EnvironmentFault: No token, no hub, or the hub refused.
    """
    card, text = folder / "README.md", dataset_card(folder)
    ready_to_push(repo)
    if not card.exists():
        card.write_text(text, encoding="utf-8")
    from huggingface_hub import HfApi, get_token

    api = HfApi()
    try:
        api.create_repo(repo, repo_type="dataset", private=not public, exist_ok=True)
        api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=folder,
            ignore_patterns=_NOT_PUBLISHED,
            commit_message="Trace dataset written by toolmark",
        )
    except Exception as error:  # the hub library's HTTP stack, and with it the type, differs between its versions
        said = " ".join(str(error).split()).replace(get_token() or "\0", "…")[:300]
        raise EnvironmentFault(
            f"{repo} could not be written: {said}", f"Try again: toolmark data push {folder} {repo}"
        ) from None
    return page(repo, "dataset")
