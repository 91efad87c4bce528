"""Decodes TOML that a user or somebody else wrote."""

from __future__ import annotations

import tomllib
from typing import Any

__all__ = ["toml_table"]


def toml_table(text: str) -> dict[str, Any]:
    """Decode a TOML document. A byte-order mark at its start is ignored.

    Raises:
        ValueError: The text is not TOML, or its values are nested too deeply.
    """
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise ValueError("a value is nested too deeply") from None
