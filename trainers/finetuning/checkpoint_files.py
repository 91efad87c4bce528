"""The files of a fine-tuning: stores checkpoints while the training runs, and publishes one checkpoint at the end.

OUT/checkpoints/plan.json         threads and precision, measured at the start and used again by a resumed training
OUT/checkpoints/seconds.json      wall time up to the last checkpoint
OUT/checkpoints/curve.jsonl       one line per step of this session
OUT/checkpoints/checkpoint-N/     weights, optimizer, random state; a file `complete` marks a complete checkpoint
OUT/adapter_model.safetensors     the chosen checkpoint, written when training ends; then the checkpoints are removed
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolmark.benchmark.candidates.spec import Candidate, resolve, table

__all__ = ["DEV_FIGURES", "complete_checkpoints", "mark_complete", "publish", "read_json", "write_json"]

DEV_FIGURES = "dev.json"
"""Name of the file with the dev figures of a checkpoint, in the checkpoint's folder."""

_COMPLETE = "complete"
_PUBLISHED = ("*.safetensors", "*.json", "*.jinja")
_NOT_PUBLISHED = ("trainer_state.json", DEV_FIGURES)
"""Names of the JSON files in a checkpoint's folder that contain the state of the training. They are not published."""


def complete_checkpoints(work: Path) -> dict[int, Path]:
    """Return the folders of complete checkpoints by step, ascending. Incomplete checkpoints are deleted."""
    found = {int(folder.name.rpartition("-")[2]): folder for folder in work.glob("checkpoint-*")}
    for folder in found.values():
        if not (folder / _COMPLETE).exists():
            shutil.rmtree(folder)
    return {step: found[step] for step in sorted(found) if found[step].exists()}


def mark_complete(checkpoint: Path) -> None:
    """Mark a checkpoint as complete. Called after the last file of the checkpoint was written."""
    (checkpoint / _COMPLETE).touch()


def publish(checkpoint: Path, out: Path, base: Candidate) -> None:
    """Copy weights, configuration and tokenizer of a checkpoint to `out`. A pickle is never copied.

    If the base has an alias or a hub id, the adapter configuration contains this name and no path. A path on this
    machine would be useless on another machine.
    """
    adapter = checkpoint / "adapter_config.json"
    if adapter.exists():
        shipped = base.kind == "local" and resolve(base.name) == base if base.name in table()["models"] else False
        write_json(adapter, read_json(adapter) | {"base_model_name_or_path": base.name if shipped else base.base})
    for pattern in _PUBLISHED:
        for file in checkpoint.glob(pattern):
            if file.name not in _NOT_PUBLISHED:
                fresh = out / f".{file.name}.new"
                shutil.copyfile(file, fresh)
                fresh.replace(out / file.name)


def read_json(file: Path) -> dict[str, Any]:
    """Return the content of a JSON file. Empty if the file does not exist."""
    return dict(json.loads(file.read_text())) if file.exists() else {}


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file atomically. After an interruption, the file has either the old or the new content."""
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(content))
    fresh.replace(file)
