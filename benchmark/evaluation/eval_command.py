"""`toolmark eval`: the pytest door from anywhere, with the same options, exit codes and summary."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from toolmark.benchmark.evaluation.options import add_options

__all__ = ["app"]

app = App(name="eval", help="Score candidates and compare them: the checks of `pytest suites/`.", help_flags=[])


class _Help:
    """Takes the options as pytest's group does, for their help alone."""

    def __init__(self) -> None:
        self.parser = ArgumentParser(
            prog="toolmark eval",
            description="Let candidates answer cases, judge them, and compare them with a baseline.",
            epilog="Options of pytest are taken too, for example -q, -k, --junitxml FILE.",
        )

    def addoption(self, *names: str, **attributes: Any) -> None:
        self.parser.add_argument(*names, **attributes)


def _project(folder: Path) -> Path:
    """The nearest folder upwards with a pyproject.toml, whose [tool.toolmark] is read; else `folder`."""
    return next((above for above in (folder, *folder.parents) if (above / "pyproject.toml").is_file()), folder)


@app.default
def run(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
    """Run the suites with `arguments`, and leave with the exit code of the checks.

    The tests and the pytest configuration of the current project are not read: only its [tool.toolmark] is.
    """
    if {"-h", "--help"} & set(arguments):
        shown = _Help()
        add_options(shown)
        shown.parser.print_help()
        return
    import pytest

    suites = files("toolmark.suites")
    sys.exit(
        pytest.main(
            [
                str(suites),
                *("-c", str(files("toolmark.benchmark.evaluation") / "eval.ini")),
                f"--rootdir={_project(Path.cwd())}",
                f"--confcutdir={suites}",
                "--import-mode=importlib",
                *("-p", "toolmark.benchmark.pytest_plugin", "-p", "no:cacheprovider"),
                *arguments,
            ]
        )
    )
