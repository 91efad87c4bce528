"""The files of a fine-tuning.

During the training, checkpoints are stored in OUT/checkpoints. At the end, one checkpoint is published in OUT, and
OUT/checkpoints is removed.

OUT/checkpoints/plan.json         threads, precision and size of a pass, measured at the first start
OUT/checkpoints/seconds.json      wall time up to the last checkpoint
OUT/checkpoints/curve.jsonl       one line for each step since the last start
OUT/checkpoints/checkpoint-N/     weights, optimizer, random state; a file `complete` marks a complete checkpoint, and a
                                  file `only-to-resume` a checkpoint that is not judged
OUT/adapter_model.safetensors     the weights of the chosen checkpoint
"""

from __future__ import annotations

import shutil
from pathlib import Path

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG
from toolmark.benchmark.candidates.spec import Candidate, resolve, table
from toolmark.benchmark.core.atomic_write import replacing
from toolmark.trainers.json_files import read_json, write_json

__all__ = ["DEV_FIGURES", "complete_checkpoints", "judged_checkpoints", "mark_complete", "publish"]

DEV_FIGURES = "dev.json"
"""Name of the file with the dev figures of a checkpoint, in the checkpoint's folder."""

_COMPLETE, _ONLY_TO_RESUME = "complete", "only-to-resume"
_PUBLISHED = ("*.safetensors", "*.json", "*.jinja")
_NOT_PUBLISHED = ("trainer_state.json", DEV_FIGURES)
"""JSON files in a checkpoint's folder that are not published, because they describe the training and not the model."""


def complete_checkpoints(work: Path) -> dict[int, Path]:
    """Delete incomplete checkpoints. Return the folders of the complete checkpoints by step, ascending."""
    found = {int(folder.name.rpartition("-")[2]): folder for folder in work.glob("checkpoint-*")}
    for folder in found.values():
        if not (folder / _COMPLETE).exists():
            shutil.rmtree(folder)
    return {step: found[step] for step in sorted(found) if found[step].exists()}


def judged_checkpoints(work: Path) -> dict[int, Path]:
    """Return the folders of the complete checkpoints that can be chosen, by step, ascending."""
    found = complete_checkpoints(work)
    return {step: folder for step, folder in found.items() if not (folder / _ONLY_TO_RESUME).exists()}


def mark_complete(checkpoint: Path, *, only_to_resume: bool) -> None:
    """Mark a checkpoint as complete. Call this function after the last file of the checkpoint was written.

    Earlier checkpoints from which a training could only resume are then deleted, because it resumes at this one.
    """
    if only_to_resume:
        (checkpoint / _ONLY_TO_RESUME).touch()
    (checkpoint / _COMPLETE).touch()
    for marked in checkpoint.parent.glob(f"checkpoint-*/{_ONLY_TO_RESUME}"):
        if marked.parent != checkpoint:
            shutil.rmtree(marked.parent)


def publish(checkpoint: Path, out: Path, base: Candidate) -> None:
    """Copy weights, configuration and tokenizer of a checkpoint to `out`. Pickle files are never copied.

    The adapter configuration contains the alias or the hub id of the base, if there is one. Otherwise, it contains the
    path, which does not exist on another machine.
    """
    adapter = checkpoint / ADAPTER_CONFIG
    if adapter.exists():
        shipped = base.kind == "local" and resolve(base.name) == base if base.name in table()["models"] else False
        named = base.base if base.file is None else f"{base.base}:{base.file}"
        write_json(adapter, read_json(adapter) | {"base_model_name_or_path": base.name if shipped else named})
    for pattern in _PUBLISHED:
        for file in checkpoint.glob(pattern):
            if file.name not in _NOT_PUBLISHED:
                with file.open("rb") as source, replacing(out / file.name) as target:
                    shutil.copyfileobj(source, target)
