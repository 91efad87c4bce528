"""Deletes runs without completions, and old logs. A ledger with a completion is never deleted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.runs.ledger import scan_ledger
from toolmark.benchmark.runs.run_folders import foreign_files, stored_runs

__all__ = ["Freed", "prune_runs", "size_of"]


@dataclass(frozen=True, slots=True)
class Freed:
    """A deleted run or log. With `dry_run`, a run or log that would be deleted.

    Attributes:
        path: The path of the run or log.
        why: The reason for the deletion.
        size: The size in bytes.
    """

    path: Path
    why: str
    size: int


def size_of(path: Path) -> int:
    """Return the size in bytes of a file, or of all files in a directory and its subdirectories."""
    return sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())


def prune_runs(runs: Path, keep: int | None, *, dry_run: bool) -> Iterator[Freed]:
    """Delete old logs, and runs that cannot be resumed or replayed. A run that another process is writing is skipped.

    Args:
        runs: The folder of the runs.
        keep: Number of logs to keep in each run, newest first. With None, all logs are kept.
        dry_run: If true, nothing is deleted.

    Yields:
        Each deleted run or log. With `dry_run`, each run or log that would be deleted.

    Raises:
        InputError: `runs` cannot be read.
        EnvironmentFault: A run or log cannot be deleted.
    """
    for folder in stored_runs(runs):
        try:
            if dry_run and not (folder / ".lock").exists():
                yield from _deletable(folder, keep)
                continue
            with FileLock(folder / ".lock", timeout=0):
                # The lock is held during search and deletion, so no other process can add a completion in between.
                deletable = list(_deletable(folder, keep))
                for item in () if dry_run else deletable:
                    _delete(item.path)
            yield from deletable
        except Timeout:
            continue
        except OSError as error:
            raise EnvironmentFault(
                f"{folder} cannot be pruned: {error.strerror or error}",
                "Change the permissions of the folder, or delete the folder yourself.",
            ) from None


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _deletable(folder: Path, keep: int | None) -> Iterator[Freed]:
    if _is_useless(folder):
        logs = any(folder.glob("*.eval"))
        yield Freed(folder, "no completion, only logs" if logs else "no completion", size_of(folder))
    elif keep is not None:
        newest_first = sorted(folder.glob("*.eval"), key=lambda log: (log.stat().st_mtime, log.name), reverse=True)
        for log in newest_first[keep:]:
            yield Freed(log, "older log", size_of(log))


def _is_useless(folder: Path) -> bool:
    """Return whether a run can be deleted: the run has no completion, and its directory has no files of the user."""
    if foreign_files(folder):
        return False
    if any(path.stat().st_size for path in folder.glob("ledger.*.jsonl")):  # earlier completions, or broken lines
        return False
    ledger = folder / "ledger.jsonl"
    if not ledger.is_file():
        return True
    try:
        recorded = scan_ledger(ledger)
    except InputError:  # perhaps another user can read the ledger
        return False
    return not recorded.answers and not recorded.broken
