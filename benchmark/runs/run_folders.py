"""Where runs lie: one directory a candidate and identity, `RUNS/<candidate>-<key8>/`, and how one is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.registry import nearest

__all__ = ["check_writable", "find_ledger", "foreign_files", "run_folder", "stored_runs"]

_NAME = re.compile(r".+-[0-9a-f]{8}\Z")
_OURS = re.compile(r"ledger\.jsonl|ledger\.(broken|previous)\.jsonl|\.ledger\.jsonl-\d+|\.lock|.+\.eval")


def run_folder(runs: Path, candidate: str, key: str) -> Path:
    """Directory of a run; the name is safe on every file system, the key makes it unique."""
    return runs / f"{re.sub(r'[^A-Za-z0-9._+-]+', '-', candidate).strip('-.') or 'candidate'}-{key}"


def check_writable(runs: Path) -> None:
    """Find out before anything is loaded whether runs can be kept.

    Raises:
        EnvironmentFault: The directory cannot be made or written.
    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=runs):
            pass
    except OSError as error:
        raise EnvironmentFault(
            f"runs cannot be kept in {runs}: {error.strerror or error}",
            "Choose a place that can be written: --runs DIR",
        ) from None


def stored_runs(runs: Path) -> Iterator[Path]:
    """Directories of runs, by name: those with a ledger, and those named as a run is.

    Raises:
        InputError: `runs` is no directory that can be read.
    """
    try:
        found = sorted(runs.iterdir())
    except OSError as error:
        raise InputError(f"{runs} holds no runs: {error.strerror}", "Name where they are kept: --runs DIR") from None
    yield from (
        path for path in found if path.is_dir() and ((path / "ledger.jsonl").is_file() or _NAME.match(path.name))
    )


def foreign_files(folder: Path) -> list[Path]:
    """What lies in a run's directory and was not written by a run."""
    return [path for path in folder.iterdir() if not (path.is_file() and _OURS.fullmatch(path.name))]


def find_ledger(runs: Path, run: str) -> Path:
    """The ledger that `run` names: a path to it or to its directory, a run's name under `runs`, or a unique prefix.

    Raises:
        InputError: Nothing or more than one run is named so, or the run has no ledger.
    """
    path = Path(run).expanduser()
    if path.is_file():
        return path
    if not path.is_dir():
        folders = {folder.name: folder for folder in stored_runs(runs)}
        matching = [run] if run in folders else [name for name in folders if name.startswith(run)]
        if not matching:
            raise InputError(f"no run in {runs} is named {run!r}", nearest(run, tuple(folders)))
        if len(matching) > 1:
            raise InputError(f"{run!r} names {len(matching)} runs", f"Write one of them: {', '.join(matching)}")
        path = folders[matching[0]]
    if not (path / "ledger.jsonl").is_file():
        raise InputError(
            f"{path} has no ledger.jsonl, so it holds no completions",
            f"List those that do: toolmark runs list --runs {runs}",
        )
    return path / "ledger.jsonl"
