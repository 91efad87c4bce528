"""The ledger: every completion of a run, appended as it arrives.

JSONL. The first line is `{"run": {identity, environment, cases}}`; each later session that adds completions opens with
such a line of its own. Every other line is one completion: `{key, case_id, epoch, text, tool_calls, stop_reason,
usage}`, whose usage counts tokens and, of runs that were made here, seconds and what is known of the cost. It reaches
the file at once, so a killed run loses one batch at most; a last line that was torn is dropped. A ledger is also a
replay file, and `.jsonl.gz` is read too.

A line that cannot be read is data here (`scan_ledger`). Who goes on with a run sets it aside and generates it again
(`Ledger`); who only reads refuses it (`read_ledger`), because there nobody could fill the gap.
"""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from toolmark.benchmark.core.atomic_write import write_atomically
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.data.completions import Completion

__all__ = ["BrokenLine", "Ledger", "Recorded", "read_ledger", "scan_ledger"]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that is neither a run nor a completion: its number from 1, what is wrong, and its bytes."""

    number: int
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a ledger holds.

    Attributes:
        runs: The `run` objects, oldest first.
        completions: By key.
        by_case: The same by (case id, epoch).
        keys: The key of each (case id, epoch).
        broken: Lines that could not be read.
        doubled: Each (case id, epoch) that has more than one completion, of which the last is kept.
    """

    runs: tuple[Mapping[str, Any], ...]
    completions: Mapping[str, Completion]
    by_case: Mapping[tuple[str, int], Completion]
    keys: Mapping[tuple[str, int], str]
    broken: tuple[BrokenLine, ...] = ()
    doubled: tuple[tuple[str, int], ...] = ()


def scan_ledger(path: Path) -> Recorded:
    """Read a ledger, plain or gzipped, with its broken lines.

    Raises:
        InputError: The file cannot be read at all.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            lines = stream.read().split(b"\n")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}", "Name a ledger.jsonl that a run has written.") from None
    runs: list[Mapping[str, Any]] = []
    completions: dict[str, Completion] = {}
    by_case: dict[tuple[str, int], Completion] = {}
    keys: dict[tuple[str, int], str] = {}
    broken: list[BrokenLine] = []
    doubled: dict[tuple[str, int], None] = {}
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            row = json.loads(line.decode())
            if "run" in row:
                runs.append(_run(row["run"]))
                continue
            key, place = _place(row)
            if place in by_case:
                doubled[place] = None
            completions[key] = by_case[place] = Completion.from_json(row)
            keys[place] = key
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if number == len(lines):  # no newline behind it: the writer was killed inside this line
                break
            broken.append(BrokenLine(number, f"{type(error).__name__}: {error}", line))
    return Recorded(tuple(runs), completions, by_case, keys, tuple(broken), tuple(doubled))


def _run(run: Any) -> Mapping[str, Any]:
    if not isinstance(run["identity"], dict) or not isinstance(run["environment"], dict):
        raise TypeError("identity and environment are objects")
    return run  # type: ignore[no-any-return]


def _place(row: Mapping[str, Any]) -> tuple[str, tuple[str, int]]:
    key, case_id, epoch = row["key"], row["case_id"], row["epoch"]
    if not isinstance(key, str) or not isinstance(case_id, str) or type(epoch) is not int:
        raise TypeError("key and case_id are strings, epoch is a number")
    return key, (case_id, epoch)


def read_ledger(path: Path) -> Recorded:
    """Read a ledger that nobody will go on with: a replay, a baseline.

    Raises:
        InputError: It cannot be read, or a line that is not the last one is broken.
    """
    recorded = scan_ledger(path)
    if recorded.broken:
        first = recorded.broken[0]
        raise InputError(
            f"{path}:{first.number} is no completion ({first.reason}){_and_others(recorded.broken)}",
            "Run its candidate again, which generates the missing ones anew, or restore the file from a copy.",
        )
    return recorded


def _and_others(broken: tuple[BrokenLine, ...]) -> str:
    return f", nor are {len(broken) - 1} other lines" if len(broken) > 1 else ""


class Ledger:
    """A ledger that this process alone may write to; a context manager.

    A broken line is moved to `ledger.broken.jsonl` beside it, so that its completion is missing and generated again.

    Args:
        folder: The run's directory; made where it is missing.

    Attributes:
        path: The file.
        recorded: What it held when it was opened.
        notes: What was mended, a line each, for the user.

    Raises:
        EnvironmentFault: The folder cannot be written, or another process holds it.
        InputError: The ledger that is there cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.jsonl"
        self.notes: tuple[str, ...] = ()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / ".lock")
            self._lock.acquire(timeout=0)
        except Timeout:
            raise EnvironmentFault(
                f"another run is writing to {folder}", "Wait for it to end, or give this one its own place: --runs DIR"
            ) from None
        except OSError as error:
            raise _unwritable(folder, error) from None
        try:
            self.recorded = self._open()
        except BaseException:
            self._lock.release()
            raise

    def _open(self) -> Recorded:
        try:
            with self.path.open("a+b") as stream:
                _drop_torn_line(stream)
            recorded = scan_ledger(self.path)
            if recorded.broken:
                self._set_aside(recorded)
            # Unbuffered: what a full disk refused must not wait in a buffer and fail again when the file is closed.
            self._stream = self.path.open("ab", buffering=0)
        except OSError as error:
            raise _unwritable(self.path.parent, error) from None
        return recorded

    def _set_aside(self, recorded: Recorded) -> None:
        broken, aside = recorded.broken, self.path.with_name("ledger.broken.jsonl")
        with aside.open("ab") as stream:
            stream.write(b"".join(line.raw + b"\n" for line in broken))
        numbers = {line.number for line in broken}
        kept = [
            line + b"\n"
            for number, line in enumerate(self.path.read_bytes().split(b"\n"), start=1)
            if line and number not in numbers
        ]
        write_atomically(self.path, b"".join(kept))
        self.notes = (
            f"{self.path}:{broken[0].number} is no completion ({broken[0].reason}){_and_others(broken)}: moved to "
            f"{aside.name}; the other {len(recorded.completions)} completions are kept, and what is missing is "
            "generated again",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stream.close()
        finally:
            self._lock.release()

    def open_session(self, run: Mapping[str, Any]) -> None:
        """Write the `run` line under which the next completions stand. Raises `EnvironmentFault` as `append`."""
        self._append([{"run": run}])

    def append(self, rows: Iterable[tuple[str, str, int, Completion]]) -> None:
        """Write completions as (key, case id, epoch, completion); they are in the file when this returns.

        Raises:
            EnvironmentFault: The disk is full or refuses; what was appended before stays.
        """
        self._append(
            {"key": key, "case_id": case_id, "epoch": epoch, **completion.as_json()}
            for key, case_id, epoch, completion in rows
        )

    def _append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        left = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        try:
            while left:
                left = left[self._stream.write(left) :]
        except OSError as error:
            raise _unwritable(self.path.parent, error) from None


def _drop_torn_line(stream: io.BufferedRandom) -> None:
    size = stream.seek(0, os.SEEK_END)
    if size == 0:
        return
    stream.seek(size - 1)
    if stream.read(1) == b"\n":
        return
    stream.seek(0)
    stream.truncate(stream.read().rfind(b"\n") + 1)


def _unwritable(folder: Path, error: OSError) -> EnvironmentFault:
    what = f"{folder} cannot be written: {error.strerror or error}"
    if error.errno in _NO_ROOM:
        return EnvironmentFault(
            what,
            "Make room and give the same command again: what was answered is kept and not asked again. "
            "Or choose another place: --runs DIR",
        )
    return EnvironmentFault(what, "Change its rights, or choose another place: --runs DIR")
