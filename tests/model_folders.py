"""Changed copies of a model's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

__all__ = ["changed_model"]


def changed_model(
    model: Path,
    folder: Path,
    config: Mapping[str, Any] | None = None,
    weights: Callable[[dict[str, Any]], Mapping[str, Any]] | None = None,
    files: Mapping[str, str | bytes | None] | None = None,
) -> Path:
    """A copy of a model with other fields in config.json, other tensors, and other files; None takes one away."""
    shutil.copytree(model, folder)
    if config is not None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | dict(config)))
    if weights is not None:
        file = folder / "model.safetensors"
        save_file(dict(weights(load_file(file))), file, metadata={"format": "pt"})
    for name, content in (files or {}).items():
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder
