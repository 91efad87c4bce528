"""Makes the hidden folder in which a dataset is written. The finished dataset is then moved to its place.

The folder is removed when the command ends or is interrupted. If the command was killed, the next command with the same
`--out` removes the folder. While a command is running, a lock protects its folder.
"""

from __future__ import annotations

import glob
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from toolmark.benchmark.core.errors import writing

__all__ = ["unfinished_folder"]

_LOCK = "lock"


@contextmanager
def unfinished_folder(out: Path) -> Iterator[Path]:
    """Make a hidden folder next to `out`. The folder is removed at the end of the `with` block.

    Raises:
        EnvironmentFault: The folder cannot be made.
    """
    prefix = f".{out.name}-unfinished-"
    with writing(out, "Choose another place: --out DIR"):
        out.parent.mkdir(parents=True, exist_ok=True)
        for left in out.parent.glob(f"{glob.escape(prefix)}*"):
            with suppress(Timeout), FileLock(left / _LOCK).acquire(timeout=0):
                shutil.rmtree(left)
        folder = tempfile.TemporaryDirectory(dir=out.parent, prefix=prefix)
    with folder as path, FileLock(Path(path) / _LOCK):
        yield Path(path)
