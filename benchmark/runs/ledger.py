"""The ledger: a file with all completions of a run.

The format is JSON Lines. There are three kinds of lines:

- A run line: `{"run": {identity, environment, cases, too_long}}`. The first line is a run line. Each later session that
  adds completions begins with another run line. `cases` are the cases of the session. `too_long` are those of them that
  were left out, because they do not fit into the context of the model. If a session ends with other cases than its last
  run line says, it writes another run line. So the last run line describes the last complete session.
- A completion: `{key, case_id, epoch, text, tool_calls, stop_reason, usage, call_probability}`. `usage` contains
  numbers of tokens, seconds, and the cost in US dollars. Seconds, cost and `call_probability` are missing if they are
  not known.
- A step of a conversation: a completion with the additional fields `step`, `world`, `calls`, and perhaps `state`.
  `step` is the number of the completion in its conversation, from 1. `world` is the hash of the code of the world.
  `calls` are the calls with their results, and `state` is the state of the world after them, if they changed the state.
  So a replay of a conversation runs no tool.

A completion is written to the file as soon as it arrives. So a killed run loses at most the completions of one batch.
An incomplete last line is ignored. Gzipped ledgers (`.jsonl.gz`) can be read too.

A case can have several completions with different keys, for example after its right answer was corrected. The last one
counts. If a session reuses another one, it writes this one again. Replaced steps of conversations are never reused.

There are three ways to read a ledger. They treat broken lines differently:

    scan_ledger   returns the broken lines, and raises no error
    Ledger        continues a run; moves broken lines to another file, so their completions are generated again
    read_ledger   raises an error
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from toolmark.benchmark.candidates.fingerprint import run_key
from toolmark.benchmark.core.atomic_write import write_atomically
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.secrets import redacted
from toolmark.benchmark.core.strict_json import check_depth
from toolmark.benchmark.core.unexpected_errors import NO_ROOM
from toolmark.benchmark.core.unpacking import read_unpacked
from toolmark.benchmark.data.completions import MAX_EPOCH, Completion, Completions
from toolmark.benchmark.runs.recorded_steps import in_order, put_step, step_number
from toolmark.benchmark.runs.remote_runs import RemoteLedger
from toolmark.benchmark.scoring.conversations import Step

__all__ = ["BrokenLine", "Ledger", "Recorded", "read_ledger", "scan_ledger"]

_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that is neither a run line nor a completion.

    Attributes:
        number: Number of the line, counted from 1.
        reason: The reason why the line cannot be read.
        raw: The bytes of the line.
    """

    number: int
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """The content of a ledger.

    Attributes:
        runs: The `run` objects of the run lines, oldest first.
        completions: The completions by key.
        by_case: The completions by (case id, epoch).
        keys: The keys by (case id, epoch).
        broken: The lines that could not be read.
        doubled: The pairs (case id, epoch) with two different completions of the same key, or with completions of two
            models. No run of Toolmark writes this.
        steps: The steps of conversations by key.
        conversations: The steps of each conversation, with their keys, by (scenario id, epoch). They are in order.
        worlds: The hash of the code of the world of each conversation, by (scenario id, epoch). Old ledgers lack it.
    """

    runs: tuple[Mapping[str, Any], ...]
    completions: Mapping[str, Completion]
    by_case: Completions
    keys: Mapping[tuple[str, int], str]
    broken: tuple[BrokenLine, ...] = ()
    doubled: tuple[tuple[str, int], ...] = ()
    steps: Mapping[str, Step] = field(default_factory=dict)
    conversations: Mapping[tuple[str, int], Sequence[tuple[str, Step]]] = field(default_factory=dict)
    worlds: Mapping[tuple[str, int], str] = field(default_factory=dict)

    @property
    def answers(self) -> tuple[Completion, ...]:
        """Return all completions, including those of the steps of conversations."""
        return (*self.by_case.values(), *(step.completion for step in self.steps.values()))

    @property
    def answered(self) -> frozenset[str]:
        """Return the ids of the cases and scenarios with at least one completion."""
        return frozenset(case_id for case_id, _ in (*self.by_case, *self.conversations))


def scan_ledger(path: Path) -> Recorded:
    """Return the content of a ledger, including its broken lines. The file can be gzipped.

    Raises:
        InputError: The file cannot be read at all.
    """
    lines = read_unpacked(path, "Give the ledger.jsonl of a run.").split(b"\n")
    runs: list[Mapping[str, Any]] = []
    completions: dict[str, Completion] = {}
    by_case: dict[tuple[str, int], Completion] = {}
    keys: dict[tuple[str, int], str] = {}
    broken: list[BrokenLine] = []
    doubled: dict[tuple[str, int], None] = {}
    model = ""
    models: dict[tuple[str, int], str] = {}
    steps: dict[tuple[str, int], dict[int, tuple[str, Step]]] = {}
    worlds: dict[tuple[str, int], str] = {}
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            row = json.loads(line.decode())
            if not isinstance(row, dict):
                raise TypeError(f"a line must be a JSON object, not {type(row).__name__}")
            if "run" in row:
                run = _checked_run(row["run"])
                model = run_key(run["identity"])
                runs.append(run)
                continue
            key, case_epoch = _key_and_case(row)
            if "step" in row:
                put_step(steps.setdefault(case_epoch, {}), step_number(row), (key, Step.from_json(row)))
                worlds[case_epoch] = str(row.get("world", ""))
                continue
            completion = Completion.from_json(row)
            changed = keys.get(case_epoch) == key and by_case[case_epoch] != completion
            if changed or models.setdefault(case_epoch, model) != model:
                doubled[case_epoch] = None
            completions[key] = by_case[case_epoch] = completion
            keys[case_epoch] = key
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if number == len(lines):  # no newline at the end, because the process was killed while writing this line
                break
            broken.append(BrokenLine(number, f"{type(error).__name__}: {error}"[:_LONGEST_REASON], line))
    return Recorded(
        tuple(runs),
        completions,
        by_case,
        keys,
        tuple(broken),
        tuple(doubled),
        {key: step for numbered in steps.values() for key, step in numbered.values()},
        {conversation: in_order(numbered) for conversation, numbered in steps.items()},
        {conversation: code for conversation, code in worlds.items() if code},
    )


def _checked_run(run: Any) -> Mapping[str, Any]:
    check_depth(run)
    for name in ("identity", "environment"):
        if not isinstance(run[name], dict):
            raise TypeError(f"{name} must be an object")
    cases = run.get("cases", {})
    if not isinstance(cases, dict) or not all(isinstance(digest, str) for digest in cases.values()):
        raise TypeError("cases must be an object of strings")
    too_long = run.get("too_long", [])
    if not isinstance(too_long, list) or not all(isinstance(case_id, str) for case_id in too_long):
        raise TypeError("too_long must be a list of strings")
    if not isinstance(run.get("candidate", ""), str) or not isinstance(run.get("training") or {}, dict):
        raise TypeError("candidate must be a string, and training must be an object")
    return run  # type: ignore[no-any-return]


def _key_and_case(row: Mapping[str, Any]) -> tuple[str, tuple[str, int]]:
    key, case_id, epoch = row["key"], row["case_id"], row["epoch"]
    if not isinstance(key, str) or not isinstance(case_id, str):
        raise TypeError("key and case_id must be strings")
    if type(epoch) is not int or not 1 <= epoch <= MAX_EPOCH:
        raise ValueError(f"epoch must be a whole number from 1 to {MAX_EPOCH}")
    return key, (case_id, epoch)


def read_ledger(path: Path) -> Recorded:
    """Return the content of a ledger, for a replay or a baseline.

    Raises:
        InputError: The file cannot be read, or a line is broken. An incomplete last line is not an error.
    """
    recorded = scan_ledger(path)
    if recorded.broken:
        first = recorded.broken[0]
        raise InputError(
            f"{path}:{first.number} is not a completion ({first.reason}){_and_others(recorded.broken)}",
            "Run the model again to generate the missing completions, or restore the file from a backup.",
        )
    return recorded


def _and_others(broken: tuple[BrokenLine, ...]) -> str:
    return f", and {len(broken) - 1} other lines are also broken" if len(broken) > 1 else ""


class Ledger:
    """A ledger that is open for writing. This class is a context manager.

    A lock prevents other processes from writing to the ledger. If the ledger is a symbolic link, the link is replaced
    by a copy, because its target possibly belongs to another run. Broken lines are moved to `ledger.broken.jsonl` in
    the same folder, so their completions are generated again. If nothing was written, new folders are removed at the
    end of the `with` block. If the folder is in the working copy of an address, the ledger is first joined with the
    ledger at this address. Then the ledger is sent to this address again and again.

    Args:
        folder: The directory of the run. A directory that does not exist is created.
        fresh: Whether to begin an empty file. An existing file is renamed to `ledger.previous.jsonl`.

    Attributes:
        path: The file.
        recorded: The content of the file at the time when the file was opened.
        notes: Lines for the user about broken lines.

    Raises:
        EnvironmentFault: The folder cannot be written, another process is writing to it, or its store cannot be
            reached.
        InputError: The existing ledger cannot be read.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.path = folder / "ledger.jsonl"
        self.notes: tuple[str, ...] = ()
        self._new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / ".lock")
            self._lock.acquire(timeout=0)
        except Timeout:
            raise EnvironmentFault(
                f"another run is writing to {folder}", "Wait until that run ends, or use another folder: --runs DIR"
            ) from None
        except OSError as error:
            raise _unwritable(folder, error) from None
        try:
            self.recorded = self._open(fresh)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, fresh: bool) -> Recorded:
        self._remote = RemoteLedger.at(self.path)
        if self._remote is not None:
            self._remote.fetch()
        try:
            if fresh and self.path.exists():
                self.path.replace(self.path.with_name("ledger.previous.jsonl"))
            if self.path.is_symlink():
                write_atomically(self.path, self.path.read_bytes() if self.path.exists() else b"")
            with self.path.open("a+b") as stream:
                _end_last_line(stream)
            recorded = scan_ledger(self.path)
            if recorded.broken:
                self._move_broken_lines(recorded)
            # The file has no buffer. If the disk is full, bytes would stay in a buffer, and closing the file would fail
            # too.
            self._stream = self.path.open("ab", buffering=0)
        except OSError as error:
            raise _unwritable(self.path.parent, error) from None
        return recorded

    def _move_broken_lines(self, recorded: Recorded) -> None:
        broken, aside = recorded.broken, self.path.with_name("ledger.broken.jsonl")
        with aside.open("ab") as stream:
            stream.write(b"".join(line.raw + b"\n" for line in broken))
        numbers = {line.number for line in broken}
        good_lines = [
            line + b"\n"
            for number, line in enumerate(self.path.read_bytes().split(b"\n"), start=1)
            if line and number not in numbers
        ]
        write_atomically(self.path, b"".join(good_lines))
        self.notes = (
            f"{self.path}:{broken[0].number} is not a completion ({broken[0].reason}){_and_others(broken)}. "
            f"Broken lines were moved to {aside.name}, and their completions are generated again. The other "
            f"{len(recorded.completions)} completions are kept",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stream.close()
            if self._remote is not None:
                self._remote.end()
            if self._new_folders and not self.path.stat().st_size:
                self.path.unlink()
                Path(self._lock.lock_file).unlink(missing_ok=True)
        finally:
            self._lock.release()
            for path in self._new_folders:
                with suppress(OSError):  # the folder is in use
                    path.rmdir()

    def open_session(self, run: Mapping[str, Any]) -> None:
        """Write a run line, which describes the completions that are appended after this line.

        Raises:
            EnvironmentFault: The file cannot be written, or its store cannot be reached.
        """
        self._append([{"run": run}])
        if self._remote is not None:
            self._remote.begin()

    def append(self, rows: Iterable[tuple[str, str, int, Completion]]) -> None:
        """Write completions to the file. Each row is (key, case id, epoch, completion).

        Raises:
            EnvironmentFault: The file cannot be written, for example because the disk is full. Completions that were
                appended earlier are still in the file.
        """
        self._append(
            {"key": key, "case_id": case_id, "epoch": epoch, **completion.as_json()}
            for key, case_id, epoch, completion in rows
        )

    def append_step(self, key: str, case_id: str, epoch: int, number: int, step: Step, world: str) -> None:
        """Write one step of a conversation to the file.

        Args:
            key: The key of the step.
            case_id: Id of the scenario.
            epoch: Number of the repetition, from 1.
            number: Number of the step in the conversation, from 1.
            step: The step.
            world: The hash of the code of the world.

        Raises:
            EnvironmentFault: As in `append`.
        """
        self._append(
            [{"key": key, "case_id": case_id, "epoch": epoch, "step": number, "world": world, **step.as_json()}]
        )

    def _append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        left = b"".join(redacted(json.dumps(row)).encode() + b"\n" for row in rows)
        try:
            while left:
                left = left[self._stream.write(left) :]
        except OSError as error:
            raise _unwritable(self.path.parent, error) from None


def _end_last_line(stream: io.BufferedRandom) -> None:
    """Drop an incomplete last line. If only the newline of a complete line is missing, write the newline."""
    size = stream.seek(0, os.SEEK_END)
    if size == 0:
        return
    stream.seek(size - 1)
    if stream.read(1) == b"\n":
        return
    stream.seek(0)
    content = stream.read()
    last = content.rfind(b"\n") + 1
    try:
        json.loads(content[last:])
    except (ValueError, RecursionError):
        stream.truncate(last)
    else:
        stream.write(b"\n")


def _unwritable(folder: Path, error: OSError) -> EnvironmentFault:
    what = f"{folder} cannot be written: {error.strerror or error}"
    if error.errno in NO_ROOM:
        return EnvironmentFault(
            what,
            "Free some disk space, and run the same command again. Completions in the ledger are kept and will be "
            "reused. Or use another folder: --runs DIR",
        )
    return EnvironmentFault(what, "Change the permissions of the folder, or use another folder: --runs DIR")
