"""The folder of a training that runs: its checkpoints, which of them are complete, and what is published of one.

OUT/checkpoints/plan.json         threads and precision, measured at the start; a resumed training uses them again
OUT/checkpoints/seconds.json      wall time up to the last checkpoint
OUT/checkpoints/curve.jsonl       one line per step of this session
OUT/checkpoints/checkpoint-N/     weights, optimizer, random state; complete if it has the file `complete`
OUT/adapter_model.safetensors     the chosen checkpoint, when training is finished; the checkpoints are then removed
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
"""In the folder of a checkpoint: its figures on the dev cases."""

_COMPLETE = "complete"
_PUBLISHED = ("*.safetensors", "*.json", "*.jinja")
_NOT_PUBLISHED = ("trainer_state.json", DEV_FIGURES)
"""JSON files of a checkpoint that belong to the training and not to the weights."""


def complete_checkpoints(work: Path) -> dict[int, Path]:
    """Checkpoint folders by step, ascending. Incomplete ones, left by an interruption, are removed."""
    found = {int(folder.name.rpartition("-")[2]): folder for folder in work.glob("checkpoint-*")}
    for folder in found.values():
        if not (folder / _COMPLETE).exists():
            shutil.rmtree(folder)
    return {step: found[step] for step in sorted(found) if found[step].exists()}


def mark_complete(checkpoint: Path) -> None:
    """Mark a checkpoint as complete, after its last file was written."""
    (checkpoint / _COMPLETE).touch()


def publish(checkpoint: Path, out: Path, base: Candidate) -> None:
    """Copy the weights of a checkpoint, their configuration and the tokenizer to `out`; never a pickle.

    The adapter configuration names the base by an alias or hub id where there is one, because a path of this machine
    means nothing elsewhere.
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
    """The content of a JSON file; empty if there is no such file."""
    return dict(json.loads(file.read_text())) if file.exists() else {}


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file in one step, so that an interruption leaves the old file or the new one."""
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(content))
    fresh.replace(file)
