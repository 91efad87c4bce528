"""What may go: runs that hold no completion, and old logs. A ledger with a completion is never touched."""

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
    """A run or a log that went, or would go; `size` in bytes."""

    path: Path
    why: str
    size: int


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files under a directory."""
    return sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())


def prune_runs(runs: Path, keep: int | None, *, dry_run: bool) -> Iterator[Freed]:
    """Delete what nobody can resume or replay, and yield it; a run that another process writes to is left alone.

    Args:
        runs: Where runs are kept.
        keep: Number of newest logs that each run keeps; None keeps all.
        dry_run: Find, and delete nothing.

    Raises:
        InputError: `runs` cannot be read.
        EnvironmentFault: Something cannot be deleted.
    """
    for folder in stored_runs(runs):
        try:
            if dry_run and not (folder / ".lock").exists():
                yield from _doomed(folder, keep)
                continue
            with FileLock(folder / ".lock", timeout=0):
                # Found under the lock: nobody can have added a completion since.
                doomed = list(_doomed(folder, keep))
                for found in () if dry_run else doomed:
                    _delete(found.path)
            yield from doomed
        except Timeout:
            continue
        except OSError as error:
            raise EnvironmentFault(
                f"{folder} cannot be pruned: {error.strerror or error}", "Change its rights, or delete it by hand."
            ) from None


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _doomed(folder: Path, keep: int | None) -> Iterator[Freed]:
    if _is_dead(folder):
        logs = any(folder.glob("*.eval"))
        yield Freed(folder, "no completion, only logs" if logs else "no completion", size_of(folder))
    elif keep is not None:
        newest_first = sorted(folder.glob("*.eval"), key=lambda log: (log.stat().st_mtime, log.name), reverse=True)
        for log in newest_first[keep:]:
            yield Freed(log, "older log", size_of(log))


def _is_dead(folder: Path) -> bool:
    """Nothing here could be resumed or replayed, and nothing is here that a run did not write."""
    if foreign_files(folder):
        return False
    if any(path.stat().st_size for path in folder.glob("ledger.*.jsonl")):  # of --fresh, or set aside as broken
        return False
    ledger = folder / "ledger.jsonl"
    if not ledger.is_file():
        return True
    try:
        recorded = scan_ledger(ledger)
    except InputError:  # unreadable now may be readable to another user
        return False
    return not recorded.completions and not recorded.broken
