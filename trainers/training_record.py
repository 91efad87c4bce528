"""Writes the training record (`toolmark.json`) and the model card of trained weights."""

from __future__ import annotations

import hashlib
import platform
import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG
from toolmark.benchmark.core.command_line import flags
from toolmark.benchmark.core.hashing import file_hash, hash_files
from toolmark.benchmark.core.secrets import command_without_secrets
from toolmark.benchmark.core.versions import installed_versions
from toolmark.benchmark.data.record import RecordedBase, RecordedData, TrainingRecord, WrittenRecord
from toolmark.trainers.model_card import model_card
from toolmark.trainers.unfinished_training import UNFINISHED_FILE

if TYPE_CHECKING:
    from pydantic import BaseModel

    from toolmark.benchmark.data.dataset import TraceDataset
    from toolmark.benchmark.plugins.protocols import Trained, Trainer, Training
    from toolmark.trainers.training_job import TrainingJob

__all__ = ["write_record"]

_PACKAGES = ("torch", "transformers", "peft", "trl", "tokenizers", "datasets")
"""The packages whose versions are in the record."""


def write_record(
    trainer: Trainer[Any],
    job: TrainingJob,
    options: BaseModel,
    data: TraceDataset,
    trained: Trained,
    context: Training,
    base: RecordedBase | None = None,
) -> WrittenRecord:
    """Write `toolmark.json` and `README.md` to the folder of the weights. Then the training counts as finished.

    Args:
        trainer: The trainer.
        job: The shared options of the training. `job.out` is the folder of the weights.
        options: The trainer's own options.
        data: The data of the training.
        trained: What the trainer measured.
        context: What the trainer received.
        base: The base and the first adapter. None if the training started without weights.

    Returns:
        The record.

    Raises:
        OSError: A file could not be written.
    """
    dialect = context.dialect
    changed = options.model_dump(mode="json", exclude_defaults=True)
    record = WrittenRecord(
        name=job.out.name,
        trainer=trainer.name,
        command=command_without_secrets(
            shlex.join(["toolmark", "train", trainer.name, *flags({**job.flags(), **changed})])
        ),
        seed=job.seed,
        options={**options.model_dump(mode="json"), **trained.measured},
        base=base,
        dialects=(dialect.name,) if dialect is not None else tuple(trained.dialects),
        template_sha256=_template_hash(context.weights or job.out),
        template_args=dict(context.template_args),
        data=RecordedData(
            made_by=data.made_by,
            manifest_sha256=data.manifest_hash,
            conversations=len(data.rows()),
            tools=None if trained.tools_made_by else _seen_tools(data, context.adapter),
            tools_made_by=trained.tools_made_by,
        ),
        weights_sha256=_weights_hash(job.out),
        tokens=trained.tokens,
        seconds=round(trained.seconds, 1),
        losses=dict(trained.losses),
        versions={"python": platform.python_version(), **installed_versions(_PACKAGES)},
        curve=list(trained.curve),
        chosen_step=trained.chosen_step,
    )
    card = trainer.card(record) or model_card(record, adapter=(job.out / ADAPTER_CONFIG).exists())
    (job.out / "README.md").write_text(card, encoding="utf-8")
    record.write(job.out)
    (job.out / UNFINISHED_FILE).unlink()
    return record


def _weights_hash(folder: Path) -> str:
    """Return the hash of the weights. Large models have several files of weights."""
    files = sorted(folder.glob("*.safetensors"))
    return file_hash(files[0]) if len(files) == 1 else hash_files(files)


def _seen_tools(data: TraceDataset, adapter: Path | None) -> tuple[str, ...] | None:
    """Return the schema hashes of all tools that the weights have seen in training. None if not all are known."""
    seen = _tool_hashes(data)
    if adapter is not None:
        before = TrainingRecord.read(adapter)
        if before is None or before.tools is None:
            return None
        seen |= before.tools
    return tuple(sorted(seen))


def _tool_hashes(data: TraceDataset) -> set[str]:
    """Return the schema hashes of all tools in the data. When the model is judged, these tools count as seen."""

    @cache
    def of(listed: str) -> frozenset[str]:
        row = {**data.rows()[0], "tools": listed}
        return frozenset(tool.schema_hash for tool in data.trace(row).tools)

    found: set[str] = set()
    for listed in set(data.rows()["tools"]):  # type: ignore[call-overload]
        found |= of(listed)
    return found


def _template_hash(folder: Path) -> str:
    """Return the SHA-256 of the chat template of the tokenizer in `folder`."""
    from toolmark.benchmark.engine.tokenizer import open_tokenizer

    return hashlib.sha256(str(open_tokenizer(folder).chat_template).encode()).hexdigest()
