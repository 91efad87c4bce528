"""The ledger: every completion of a run, appended as it arrives.

JSONL. The first line is `{"run": {identity, environment, cases}}`; each later session that adds completions opens with
such a line of its own. Every other line is one completion: `{key, case_id, epoch, text, tool_calls, stop_reason,
usage}`. It is flushed per batch, so a killed run loses one batch at most; a last line that was torn is dropped. A
ledger is also a replay file, and `.jsonl.gz` is read too.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from benchmark.completions import Completion
from benchmark.errors import EnvironmentFault, InputError

__all__ = ["Ledger", "Recorded", "read_ledger"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a ledger holds.

    Attributes:
        runs: The `run` objects, oldest first.
        completions: By key.
        by_case: The same by (case id, epoch).
    """

    runs: tuple[Mapping[str, Any], ...]
    completions: Mapping[str, Completion]
    by_case: Mapping[tuple[str, int], Completion]


def read_ledger(path: Path) -> Recorded:
    """Read a ledger, plain or gzipped.

    Raises:
        InputError: It cannot be read, or a line that is not the last one is broken.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise InputError(f"{path} cannot be read: {error}", "Name a ledger.jsonl that a run has written.") from None
    runs: list[Mapping[str, Any]] = []
    completions: dict[str, Completion] = {}
    by_case: dict[tuple[str, int], Completion] = {}
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            row = json.loads(line)
            if "run" in row:
                runs.append(row["run"])
                continue
            completion = Completion.from_json(row)
            completions[row["key"]] = by_case[row["case_id"], row["epoch"]] = completion
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if number == len(lines):  # no newline behind it: the writer was killed inside this line
                break
            raise InputError(
                f"{path}:{number} is no completion ({error})", "Delete that line; its completion is generated again."
            ) from None
    return Recorded(tuple(runs), completions, by_case)


class Ledger:
    """A ledger that this process alone may write to; a context manager.

    Args:
        folder: The run's directory; made where it is missing.

    Raises:
        EnvironmentFault: The folder cannot be written, or another process holds it.
        InputError: The ledger that is there is broken.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.jsonl"
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
            self._stream = self.path.open("a+b")
            self._drop_torn_line()
        except OSError as error:
            raise _unwritable(self.path.parent, error) from None
        return read_ledger(self.path)

    def _drop_torn_line(self) -> None:
        size = self._stream.seek(0, os.SEEK_END)
        if size == 0:
            return
        self._stream.seek(size - 1)
        if self._stream.read(1) == b"\n":
            return
        self._stream.seek(0)
        whole = self._stream.read().rfind(b"\n") + 1
        self._stream.truncate(whole)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._lock.release()

    def open_session(self, run: Mapping[str, Any]) -> None:
        """Write the `run` line under which the next completions stand."""
        self._append([{"run": run}])

    def append(self, rows: Iterable[tuple[str, str, int, Completion]]) -> None:
        """Write completions as (key, case id, epoch, completion) and flush them to the disk."""
        self._append(
            {"key": key, "case_id": case_id, "epoch": epoch, **completion.as_json()}
            for key, case_id, epoch, completion in rows
        )

    def _append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        try:
            self._stream.write(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
            self._stream.flush()
        except OSError as error:
            raise _unwritable(self.path.parent, error) from None


def _unwritable(folder: Path, error: OSError) -> EnvironmentFault:
    return EnvironmentFault(
        f"{folder} cannot be written: {error.strerror or error}",
        "Make room or change its rights, or choose another: --runs DIR",
    )
