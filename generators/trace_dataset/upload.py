"""Uploads the folder of a trace dataset to the hub, without the file of rejected traces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from toolmark.benchmark.core.bounded_http import json_object
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hub import check_id, upload, writable
from toolmark.benchmark.core.secrets import remember_command
from toolmark.benchmark.tools.implementations import is_remote
from toolmark.benchmark.tools.sources.tools_yaml import read_tools_file
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
        InputError: `folder` is not a trace dataset, or contains a link to a file outside of `folder`. Or the hub
            refuses the card of the dataset.
        EnvironmentFault: There is no token, the token has no permission to write to `repo`, or there is no network.
    """
    card = dataset_card(folder)
    for server in _servers(folder):
        remember_command(server)
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    found.pop(_NOT_PUBLISHED, None)
    for path in found.values():
        if not path.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{path} is a link to a file outside of {folder}", "Replace the link by the file.")
    files: dict[str, Path | str] = {_CARD: card, **found}
    return upload(
        repo,
        files,
        "dataset",
        private=private,
        message="Toolmark: conversations and cases",
        card=folder / _CARD,
        again=_push_command(folder, repo),
    )


def _servers(folder: Path) -> Iterator[str]:
    """Yield the addresses and commands of servers in the tools of a dataset.

    If a user wrote such an address or command by hand, it perhaps contains a secret key.
    """
    runs = [tool.run for tool in read_tools_file(folder / "tools.yaml").tools]
    for path in folder.glob("*.jsonl"):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                tools = (json_object(line) or {}).get("toolbox")
                runs += [tool.get("run") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    yield from (run.rpartition(":")[0] for run in runs if isinstance(run, str) and is_remote(run))


def _push_command(folder: Path, repo: str) -> str:
    return f"toolmark data push {folder} --to {repo}"
