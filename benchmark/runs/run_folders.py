"""Names and finds the directories of runs. The name has the form `RUNS/<candidate>-<first 8 digits of the key>/`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from toolmark.benchmark.candidates.remote_recordings import recorded_at
from toolmark.benchmark.core.errors import InputError, writing
from toolmark.benchmark.core.registry import nearest
from toolmark.benchmark.core.remote_files import is_address
from toolmark.benchmark.core.user_paths import expanded

__all__ = ["check_writable", "find_ledger", "foreign_files", "run_folder", "stored_runs"]

_NAME = re.compile(r".+-[0-9a-f]{8}\Z")
_FILES_OF_RUNS = re.compile(
    r"ledger\.jsonl|ledger\.(broken|previous)\.jsonl|\.ledger\.jsonl-\d+|\.lock|calibration\.json|.+\.eval"
)


def run_folder(runs: Path, candidate: str, key: str) -> Path:
    """Return the path of the directory of a run.

    Args:
        runs: The folder of all runs.
        candidate: Name of the candidate. Characters that are not safe in file names are replaced.
        key: The key of the run's identity. It makes the name of the directory unique.
    """
    return runs / f"{re.sub(r'[^A-Za-z0-9._+-]+', '-', candidate).strip('-.') or 'candidate'}-{key}"


def check_writable(runs: Path) -> None:
    """Check that runs can be written to the directory `runs`. The directory is not created.

    Raises:
        EnvironmentFault: The directory cannot be created or written.
    """
    existing = next(folder for folder in (runs, *runs.absolute().parents) if folder.exists())
    with writing(runs, "Choose a writable folder: --runs DIR"), TemporaryFile(dir=existing):
        pass


def stored_runs(runs: Path) -> Iterator[Path]:
    """Yield the directories of runs, sorted by name.

    The directory of a run contains a ledger, or its name has the form of a run's name.

    Raises:
        InputError: `runs` is not a directory that can be read.
    """
    try:
        paths = sorted(runs.iterdir())
    except OSError as error:
        raise InputError(
            f"{runs} cannot be read: {error.strerror}", "Give the folder of the runs: --runs DIR"
        ) from None
    yield from (
        path for path in paths if path.is_dir() and ((path / "ledger.jsonl").is_file() or _NAME.match(path.name))
    )


def foreign_files(folder: Path) -> list[Path]:
    """Return the files and folders in the directory of a run that Toolmark did not write."""
    return [path for path in folder.iterdir() if not (path.is_file() and _FILES_OF_RUNS.fullmatch(path.name))]


def find_ledger(runs: Path, run: str) -> Path:
    """Return the path of the ledger of a run.

    Args:
        runs: The folder of all runs.
        run: The path or address of the ledger or of its directory, the name of a run in `runs`, or the beginning of
            such a name.

    Raises:
        InputError: There is no such run, there are several such runs, or the run has no ledger.
    """
    path = recorded_at(run) if is_address(run) else expanded(run)
    if path.is_file():
        return path
    if not path.is_dir():
        folders = {folder.name: folder for folder in stored_runs(runs)}
        matching = [run] if run in folders else [name for name in folders if name.startswith(run)]
        if not matching:
            raise InputError(f"no run in {runs} has the name {run!r}", nearest(run, tuple(folders)))
        if len(matching) > 1:
            raise InputError(
                f"the names of {len(matching)} runs begin with {run!r}", f"Write one of them: {', '.join(matching)}"
            )
        path = folders[matching[0]]
    if not (path / "ledger.jsonl").is_file():
        raise InputError(
            f"{path} has no ledger.jsonl, so it contains no completions",
            f"List the runs with: toolmark runs list --runs {runs}",
        )
    return path / "ledger.jsonl"
