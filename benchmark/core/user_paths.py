"""Reads paths that a user gave, and finds the existing path that is most similar to a misspelt path."""

from __future__ import annotations

import difflib
import os
from itertools import islice
from pathlib import Path

__all__ = ["did_you_mean", "expanded", "nearest_path"]

_MOST_NAMES = 5000
"""Highest number of names of a folder that are compared. A folder of a network can contain millions of names."""


def expanded(text: str | Path) -> Path:
    """Return a path with the home directory in place of `~`. If there is no such user, the path is not changed."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def did_you_mean(path: str | Path, otherwise: str) -> str:
    """Return what a user can do about a path at which there is nothing.

    Args:
        path: The path.
        otherwise: A sentence that says what to do. If there is a similar path, a question with this path comes first.
    """
    near = nearest_path(str(path))
    return otherwise if near is None else f"Did you mean {near}? {otherwise}"


def nearest_path(text: str, cutoff: float = 0.6) -> str | None:
    """Return the existing path that is most similar to `text`. None if no path is similar.

    Each part of the path is compared with the names in its folder. So several parts can be misspelt.

    Args:
        text: The path.
        cutoff: Lowest similarity of a part and a name, from 0 to 1, as in `difflib.get_close_matches`.
    """
    path = expanded(text)
    here = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        # Unlike `Path.exists`, this function raises no error for a folder that cannot be read.
        if os.path.exists(here / part):  # noqa: PTH110
            here /= part
        elif close := difflib.get_close_matches(part, _names(here), n=1, cutoff=cutoff):
            here /= close[0]
        else:
            return None
    return str(here) if path.parts else None


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, _MOST_NAMES) if not entry.name.startswith("."))
    except OSError:
        return []
