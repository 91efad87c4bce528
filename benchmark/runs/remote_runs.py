"""Runs at an address of an object store, for example `--runs s3://BUCKET/runs`.

An object store cannot append to a file, and a connection can break. So a run is written to a working copy in the
user's cache, like every run on a disk. The ledger is sent to the store every half minute and at the end. If the store
cannot be reached meanwhile, the run goes on, and the ledger is sent later. If the process is killed, the working copy
stays, and the same command continues the run.

When a ledger is opened, the completions in the store and in the working copy are joined. So another machine can
continue a run. Two machines must not write to the same run at the same time, because a store has no locks.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread

from toolmark.benchmark.core.atomic_write import write_atomically
from toolmark.benchmark.core.errors import EnvironmentFault, ToolmarkError
from toolmark.benchmark.core.remote_files import (
    fingerprint,
    is_address,
    joined,
    names_below,
    read_remote,
    size_of_remote,
    write_remote,
)
from toolmark.benchmark.core.working_copies import address_of, working_copy

__all__ = ["RemoteLedger", "copy_of_runs", "local_runs", "send_run"]

LEDGER = "ledger.jsonl"

_SECONDS_BETWEEN = {"hf": 300.0}
"""Seconds between two transfers of a growing ledger, by the kind of store. Each transfer to the hub is a commit."""
_USUAL_SECONDS = 30.0
_LONGEST_WAIT = 300.0
_WAITS_AT_THE_END = (0.0, 2.0, 5.0)
"""Seconds before each attempt to send a run when it has ended."""

_ALWAYS_SENT = 1_000_000
"""A file of at most this size is sent even if the file in the store has the same size."""


def local_runs(runs: str) -> Path:
    """Return the folder of the runs on this machine: `runs`, or for an address the folder of its working copy.

    Nothing is transferred.

    Raises:
        EnvironmentFault: The folder in the cache cannot be written.
    """
    return working_copy("runs", runs.rstrip("/")) if is_address(runs) else Path(runs)


def copy_of_runs(runs: str) -> Path:
    """Return `local_runs`. Before, the ledgers of all runs at an address are copied to the working copy.

    Raises:
        EnvironmentFault: The store cannot be reached.
    """
    folder = local_runs(runs)
    for name in names_below(runs) if is_address(runs) else ():
        if not name.startswith(".") and (ledger := RemoteLedger.at(folder / name / LEDGER)) is not None:
            ledger.fetch()
    return folder


def send_run(folder: Path) -> None:
    """Send the files of a run to its store. If the run is on a disk of this machine, do nothing.

    Raises:
        EnvironmentFault: The store cannot be reached.
    """
    if (address := address_of(folder)) is None or not folder.is_dir():
        return
    last: EnvironmentFault | None = None
    for seconds in _WAITS_AT_THE_END:
        time.sleep(seconds)
        try:
            _send_files(folder, address)
        except EnvironmentFault as error:
            last = error
        else:
            return
    if last is not None:
        raise EnvironmentFault(
            f"the run was not sent, because {last.what}", f"All answers are in {folder}. {last.fix}"
        ) from None


def _send_files(folder: Path, address: str) -> None:
    for file in sorted(folder.iterdir()):
        if file.name == LEDGER:
            RemoteLedger(file, joined(address, LEDGER)).send()
        elif file.is_file() and not file.name.startswith("."):
            size = file.stat().st_size
            if size <= _ALWAYS_SENT or size_of_remote(joined(address, file.name)) != size:
                write_remote(joined(address, file.name), file)


@dataclass(slots=True)
class RemoteLedger:
    """A ledger in a working copy, which is sent to its store again and again while it grows.

    Attributes:
        file: The file in the working copy.
        address: The address of the file in the store.
    """

    file: Path
    address: str
    _seen: str | None = None
    _sent: bytes = b""
    _ended: Event = field(default_factory=Event)
    _sending: Lock = field(default_factory=Lock)
    _thread: Thread | None = None

    @classmethod
    def at(cls, file: Path) -> RemoteLedger | None:
        """Return the ledger in the file `file`. None if the file is in no working copy."""
        address = address_of(file)
        return None if address is None else cls(file, address)

    def fetch(self) -> None:
        """Add the lines in the store to the working copy.

        Raises:
            InputError: The file in the store is too large.
            EnvironmentFault: The store cannot be reached.
        """
        self._seen = fingerprint(self.address)
        there = read_remote(self.address) or b""
        here = self._lines()
        if (whole := _joined_lines(here, there)) != here:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.file, whole)
        self._sent = there

    def send(self) -> None:
        """Send the complete lines of the working copy. If another machine wrote meanwhile, its lines are kept.

        Raises:
            EnvironmentFault: The store cannot be reached.
        """
        with self._sending:
            whole, seen = self._lines(), fingerprint(self.address)
            if seen != self._seen:
                self._sent = read_remote(self.address) or b""
                whole = _joined_lines(whole, self._sent)
            if whole != self._sent:
                write_remote(self.address, whole)
                self._sent, seen = whole, fingerprint(self.address)
            self._seen = seen

    def begin(self) -> None:
        """Send the file now, and then again and again in another thread.

        Raises:
            EnvironmentFault: The store cannot be reached.
        """
        self.send()
        if self._thread is None:
            self._thread = Thread(target=self._keep_sending, name="remote ledger", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """End the thread, and try to send the last lines. `send_run` tries again and raises an error."""
        if self._thread is not None:
            self._ended.set()
            self._thread.join()
            with suppress(ToolmarkError):
                self.send()

    def _keep_sending(self) -> None:
        usual = _SECONDS_BETWEEN.get(self.address.partition(":")[0], _USUAL_SECONDS)
        seconds = usual
        while not self._ended.wait(seconds):
            try:
                self.send()
                seconds = usual
            except ToolmarkError:  # The run goes on without the store.
                seconds = min(2 * seconds, max(usual, _LONGEST_WAIT))

    def _lines(self) -> bytes:
        """Return the complete lines of the working copy."""
        content = self.file.read_bytes() if self.file.exists() else b""
        return content[: content.rfind(b"\n") + 1]


def _joined_lines(here: bytes, there: bytes) -> bytes:
    """Return the lines of two copies of a ledger without repetitions.

    Usually one copy begins with the other copy. Then the longer copy is returned. Otherwise, the lines of `here` come
    last, because the last answer to a case counts.
    """
    if here.startswith(there):
        return here
    if there.startswith(here):
        return there
    known = set(here.split(b"\n"))
    more = [line for line in there.split(b"\n") if line not in known]
    return b"".join(line + b"\n" for line in more if line) + here
