"""Names the files of an adapter, and reads its `adapter_config.json`.

The author of an adapter can be anybody. So the size and the form of the file are checked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.strict_json import strict_json

__all__ = ["ADAPTER_CONFIG", "ADAPTER_WEIGHTS", "read_adapter_config"]

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"

_LONGEST_FILE = 1_000_000


def read_adapter_config(folder: Path) -> dict[str, Any]:
    """Return the content of `adapter_config.json` in `folder`.

    Raises:
        InputError: The file is missing, is longer than a megabyte, or is not a JSON object.
    """
    path = folder / ADAPTER_CONFIG
    try:
        if not path.is_file():
            raise ValueError("there is no such file")
        if (size := path.stat().st_size) > _LONGEST_FILE:
            raise ValueError(f"the file has {size:,} bytes, but at most {_LONGEST_FILE:,} are read")
        settings = strict_json(path.read_text(encoding="utf-8"))
        if not isinstance(settings, dict):
            raise ValueError("the file is not a JSON object")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read: {error}", "Copy or download the adapter again, or save it with save_pretrained()."
        ) from None
    return settings
