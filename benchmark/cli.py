"""The command `toolmark`: every group of commands is a plug-in, and none is imported before it is called."""

from __future__ import annotations

import sys

from cyclopts import App

from benchmark.errors import ToolmarkError
from benchmark.registry import names, target

__all__ = ["main"]


def main() -> None:
    """Run the command line; a user's mistake is one line and its own exit code."""
    root = App(name="toolmark", help="Did the fine-tune make the model better at calling tools, and what is the proof?")
    for name in names("toolmark.commands"):
        root.command(target("toolmark.commands", name), name=name)
    try:
        root()
    except ToolmarkError as error:
        print(f"ERROR: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
