"""Writes a report of a comparison to a path, or to an address of an object store."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.core.registry import renderer_for
from toolmark.benchmark.core.remote_files import is_address, write_remote
from toolmark.benchmark.verdicts.comparison import Comparison

__all__ = ["check_report", "write_report"]


def check_report(out: str) -> None:
    """Check that a report can be written to a path or an address with this ending. Nothing is written.

    Raises:
        InputError: The ending is not known, or `out` is an address of a folder.
    """
    if is_address(out) and out.endswith("/"):
        raise InputError(
            f"{out} is an address, and a site needs the earlier reports in a folder of this machine",
            "Write the site to a folder, and copy the folder. Or write a file: --report s3://BUCKET/report.html",
        )
    renderer_for(out)


def write_report(comparison: Comparison, out: str) -> None:
    """Write a report. The ending of `out` chooses the format.

    Raises:
        InputError: As in `check_report`.
        EnvironmentFault: The report cannot be written. If the store of an address cannot be reached, the error names
            the local file of the report.
    """
    check_report(out)
    with phase(f"writing {out}"):
        if not is_address(out):
            renderer_for(out).render(comparison, Path(out))
            return
        # The folder is not removed if the report cannot be sent.
        folder = Path(mkdtemp(prefix="toolmark-"))
        file = folder / out.rpartition("/")[2]
        renderer_for(out).render(comparison, file)
        try:
            write_remote(out, file)
        except EnvironmentFault as error:
            raise EnvironmentFault(error.what, f"The report is in {file}. {error.fix}") from None
        shutil.rmtree(folder)
