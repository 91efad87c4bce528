"""`toolmark eval`: runs the same checks as `pytest suites/`, from any folder, with the same options and exit codes."""

from __future__ import annotations

import difflib
import re
import shlex
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from toolmark.benchmark.config.option_types import SWITCH
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.evaluation.options import OPTIONS, add_options

__all__ = ["app"]

_TEST_FILE = re.compile(r"\.py(::.*)?\Z")
"""The end of an argument that pytest takes as tests."""

app = App(name="eval", help="Score models and compare them, with the checks of `pytest suites/`.", help_flags=[])


class _Help:
    """Takes the place of pytest's group of options: collects the options, and prints their help."""

    def __init__(self) -> None:
        self.parser = ArgumentParser(
            prog="toolmark eval",
            description="Let models answer cases, judge the answers, and compare the models with a baseline.",
            epilog="You can also give options of pytest, for example -q, -k or --junitxml FILE.",
        )

    def addoption(self, *names: str, **attributes: Any) -> None:
        self.parser.add_argument(*names, **attributes)


def _project(folder: Path) -> Path:
    """Return `folder` or the nearest folder above it with a pyproject.toml. If there is none, return `folder`."""
    return next((above for above in (folder, *folder.parents) if (above / "pyproject.toml").is_file()), folder)


@app.default
def run(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
    """Run the suites with `arguments`, and exit with the exit code of the checks.

    Only the section [tool.toolmark] of the current project is read. The project's tests and its pytest configuration
    are ignored.
    """
    if {"-h", "--help"} & set(arguments):
        shown = _Help()
        add_options(shown)
        shown.parser.print_help()
        return
    if arguments and not arguments[0].startswith("-") and not _TEST_FILE.search(arguments[0]):
        raise InputError(
            f"toolmark eval takes only options, and {arguments[0]!r} is none",
            f"If it is a model, write: toolmark eval --model {shlex.quote(arguments[0])}",
        )
    import pytest

    suites = files("toolmark.suites")
    code = pytest.main(
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
    if code == pytest.ExitCode.USAGE_ERROR:
        for line in _suggestions(arguments):
            print(line, file=sys.stderr)  # noqa: T201
    sys.exit(code)


def _suggestions(arguments: Sequence[str]) -> Iterator[str]:
    """Yield a line for each argument that is similar to an option, but is no option."""
    known = [option.flag for option in OPTIONS]
    switches = [f"--no-{option.name}" for option in OPTIONS if option.kind is SWITCH]
    for argument in arguments:
        flag = argument.partition("=")[0]
        if flag.startswith("--") and flag not in (*known, *switches):
            close = difflib.get_close_matches(flag, known, n=1, cutoff=0.75)
            if close:
                yield f"{flag} is no option of toolmark eval. Did you mean {close[0]}?"
