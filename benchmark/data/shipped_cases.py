"""The case sets that are part of the package. `--cases NAME` chooses one of them by its name."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from toolmark.benchmark.core.user_paths import expanded

__all__ = ["SHIPPED", "case_path", "named_case_set", "shipped_cases"]

SHIPPED = {"authored": "cases", "generated": "generated", "scenarios": "scenarios"}
"""A mapping from the name of a shipped case set to its folder in the package `toolmark.suites`.

`authored` was written by hand and is the default. `generated` was made by `toolmark generate template`. `scenarios`
contains conversations of several turns, written by hand.
"""


def shipped_cases(name: str = "authored") -> str:
    """Return the path of the folder of a shipped case set.

    Args:
        name: A key of `SHIPPED`.
    """
    return str(files("toolmark.suites") / SHIPPED[name])


def named_case_set(source: str) -> str | None:
    """Return the name of the shipped case set that `source` denotes, or None.

    Args:
        source: The value of `--cases`: the name of a set, or the path of its folder. If the current folder has a file
            or folder with the name of a set, `source` denotes this file or folder.
    """
    if source in SHIPPED and not Path(source).exists():
        return source
    return next((name for name in SHIPPED if source == shipped_cases(name)), None)


def case_path(source: str) -> Path:
    """Return the path of a case source: the folder of a shipped case set, or the file or folder that `source` names.

    Args:
        source: The name of a shipped case set, or a path. A path can begin with `~`. See `named_case_set`.
    """
    name = named_case_set(source)
    return expanded(shipped_cases(name) if name else source)
