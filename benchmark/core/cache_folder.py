"""Names the folder in which Toolmark keeps files that can be made again."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder(name: str) -> Path:
    """Return the folder `toolmark/NAME` in the user's cache. The folder possibly does not exist yet.

    The user's cache is the folder in the variable `XDG_CACHE_HOME`, and `~/.cache` if the variable is not set.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "toolmark" / name
