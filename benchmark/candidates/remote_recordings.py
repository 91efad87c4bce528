"""Copies a recorded run from an object store, so that it can be judged like a run on a disk."""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.core.atomic_write import write_atomically
from toolmark.benchmark.core.errors import InputError, writing
from toolmark.benchmark.core.remote_files import joined, read_remote
from toolmark.benchmark.core.working_copies import working_copy

__all__ = ["recorded_at"]

_ENDINGS = (".jsonl", ".jsonl.gz")


def recorded_at(address: str) -> Path:
    """Return a copy of a recorded run. It is copied anew each time.

    Args:
        address: The address of a run, of its `ledger.jsonl`, or of an exported run, for example `s3://BUCKET/runs/NAME`.

    Raises:
        InputError: There is no recorded run at this address, or it has more than 256 MB.
        EnvironmentFault: The store cannot be reached, or the cache cannot be written.
    """
    file = address if address.endswith(_ENDINGS) else joined(address, "ledger.jsonl")
    content = read_remote(file)
    if content is None:
        raise InputError(
            f"there is no recorded run at {address}",
            f"List the runs at the address: toolmark runs list --runs {address.rstrip('/').rpartition('/')[0]}",
        )
    runs, run, name = file.rsplit("/", 2)
    copy = working_copy("recordings", runs) / run / name
    with writing(copy, "Free some disk space, or choose another cache: XDG_CACHE_HOME=DIR"):
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(copy, content)
    return copy
