"""Finds the existing path that is most similar to a misspelt path."""

from __future__ import annotations

import difflib
import os
from itertools import islice
from pathlib import Path

__all__ = ["nearest_path"]

_CUTOFF = 0.6
_MOST_NAMES = 5000
"""Highest number of names of a folder that are compared. A folder of a network can contain millions of names."""


def nearest_path(text: str) -> str | None:
    """Return the existing path that is most similar to `text`. None if no path is similar.

    Each part of the path is compared with the names in its folder. So several parts can be misspelt.
    """
    path = Path(text).expanduser()
    here = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        if (here / part).exists():
            here /= part
        elif close := difflib.get_close_matches(part, _names(here), n=1, cutoff=_CUTOFF):
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
