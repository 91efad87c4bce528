"""Reads and writes the small JSON files of a training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.atomic_write import write_atomically

__all__ = ["read_json", "write_json"]


def read_json(file: Path) -> dict[str, Any]:
    """Return the content of a JSON file. If the file does not exist, return an empty dictionary."""
    return dict(json.loads(file.read_bytes())) if file.exists() else {}


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file. If the process is killed meanwhile, the file keeps its old content.

    Raises:
        OSError: The file could not be written.
    """
    write_atomically(file, json.dumps(content).encode())
