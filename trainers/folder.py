"""Reading the trace dataset that `toolmark generate` writes: the conversations of a folder, in its order.

Only `traces/` and `manifest.json` are ever opened: no trainer reads a file of test cases.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from typing import TYPE_CHECKING, Any

from benchmark.cases import Message, Tool
from benchmark.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


__all__ = ["conversation", "made_by", "manifest_hash", "open_traces"]


def open_traces(data: Path, split: str = "train") -> Sequence[Mapping[str, Any]]:
    """The conversations of `data`, in the order in which they were written.

    Raises:
        InputError: `data` holds no trace dataset, no such split, or an empty one.
    """
    remake = "Write it with: toolmark generate template --recipe pocket --out DIR"
    folder = data / "traces"
    if not folder.is_dir():
        raise InputError(f"{str(data)!r} holds no trace dataset (no folder {folder.name!r} in it)", remake)

    from datasets import DatasetDict, load_from_disk  # type: ignore[import-untyped]

    try:
        splits = load_from_disk(folder)
    except FileNotFoundError as error:
        raise InputError(f"{str(folder)!r} is not a trace dataset: {error}", remake) from error
    if not isinstance(splits, DatasetDict) or split not in splits:
        raise InputError(f"{str(folder)!r} has no split {split!r}", remake)
    if not len(splits[split]):
        raise InputError(f"the split {split!r} of {str(folder)!r} is empty", "Generate more traces.")
    rows: Sequence[Mapping[str, Any]] = splits[split]
    return rows


def conversation(row: Mapping[str, Any]) -> tuple[tuple[Message, ...], tuple[Tool, ...]]:
    """Messages and offered tools of one row of a trace dataset."""
    messages = row["messages"]
    if isinstance(messages, str):
        messages = json.loads(messages)
    tools = (tool.get("function", tool) for tool in json.loads(row["tools"] or "[]"))
    shown = (
        {key: tool[key] for key in ("name", "description", "parameters") if tool.get(key) is not None} for tool in tools
    )
    return tuple(map(Message.model_validate, messages)), tuple(map(Tool.model_validate, shown))


def made_by(data: Path) -> str | None:
    """The command that writes this folder again, from its `manifest.json`; None where it has none that says so."""
    try:
        manifest = json.loads((data / "manifest.json").read_bytes())
        flags = {**manifest["options"], "seed": manifest["seed"], "out": data.name}
        words = (word for key, value in flags.items() for word in (f"--{key.replace('_', '-')}", str(value)))
        return shlex.join(["toolmark", "generate", manifest["generator"], *words])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def manifest_hash(data: Path) -> str | None:
    """SHA-256 of the folder's `manifest.json`, or None where it has none."""
    manifest = data / "manifest.json"
    return hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else None
