"""Runs a trainer. The host checks base and data, judges checkpoints, and writes the training record and the card.

A trainer receives a base, a dataset, and token ids with checked masks (which tokens the model learns to write). The
trainer writes weights. The host decides everything else, in the same way for every trainer:

- whether the data is allowed for training
- which dev cases judge a checkpoint
- what the training record (`toolmark.json`) contains
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, JsonValue

from toolmark.benchmark.candidates.dialect_choice import family_dialect, trained_dialect
from toolmark.benchmark.candidates.fingerprint import adapter_hash, template_reads_clock
from toolmark.benchmark.candidates.gguf_files import weights_hash
from toolmark.benchmark.candidates.recipes import ADAPTERS, is_recipe
from toolmark.benchmark.candidates.spec import Candidate, resolve
from toolmark.benchmark.candidates.template_args_choice import choose_template_args
from toolmark.benchmark.config.template_clock import TEMPLATE_DATE
from toolmark.benchmark.core.errors import InputError, writing
from toolmark.benchmark.core.launched_process import launched_process
from toolmark.benchmark.core.progress import counting
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.data.held_out import HeldOut, shipped_manifest
from toolmark.benchmark.data.held_out import held_out as read_held_out
from toolmark.benchmark.data.record import RECORD_FILE, RecordedBase, WrittenRecord
from toolmark.benchmark.engine.devices import choose_device
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.evaluation.case_set import case_set_hash
from toolmark.benchmark.plugins.protocols import Trainer, Training
from toolmark.trainers.dev_judging import DevJudging, judged_metrics
from toolmark.trainers.finetuning.encoded_examples import EncodedExamples
from toolmark.trainers.training_job import TrainingJob
from toolmark.trainers.training_record import write_record
from toolmark.trainers.unfinished_training import UNFINISHED_FILE, check_resumed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolmark.benchmark.dialects import Dialect

__all__ = ["check_data", "run_training"]


def run_training(
    trainer: Trainer[Any],
    job: TrainingJob,
    options: BaseModel,
    log: Callable[[Mapping[str, float]], None],
    say: Callable[[str], None],
) -> WrittenRecord | None:
    """Check base and data, train, and write the training record and the card.

    A launcher can run this function in several processes. Then only the first process writes files.

    Args:
        trainer: The trainer.
        job: The base, the data, the output folder and the other shared options.
        options: The trainer's own options.
        log: A function that is called with each point of the curve.
        say: A function that is called with each line for the user.

    Returns:
        The record that was written to `toolmark.json`. None if another process writes the record.

    Raises:
        InputError: `out` contains a finished model or another unfinished training, the base cannot be trained, the data
            must not be used for training, or the trainer cannot use several processes.
        EnvironmentFault: The base's weights, the device or a package are missing, or the folder cannot be written.
    """
    started = launched_process()
    if started.count > 1 and not trainer.several_processes:
        raise InputError(
            f"a launcher started {started.count} processes, but the trainer {trainer.name} uses only one process",
            f"Run the command without the launcher: toolmark train {trainer.name}",
        )
    if (job.out / RECORD_FILE).exists():
        raise InputError(
            f"{str(job.out)!r} already contains a finished model", "Give another --out, or remove this folder."
        )
    data = TraceDataset(job.data)
    data.rows()
    check_data(data, read_held_out(job.manifest or shipped_manifest()))
    influences: dict[str, JsonValue] = {
        "trainer": trainer.name,
        "seed": job.seed,
        "data": data.rows_hash,
        **options.model_dump(mode="json", exclude=set(trainer.changeable)),
    }
    if trainer.from_scratch:
        context = Training(job.seed, log, say)
        with _folder(job.out, influences):
            trained = trainer.train(None, data, job.out, options, context)
        return write_record(trainer, job, options, data, trained, context)

    start = _finetuning(trainer, job, data, log, say)
    with _folder(job.out, {**influences, **start.influences}):
        trained = trainer.train(start.base, data, job.out, options, start.context)
    if not started.first:
        return None
    return write_record(trainer, job, options, data, trained, start.context, start.recorded)


@dataclass(frozen=True, slots=True)
class _Finetuning:
    """A training that starts from a base, after all checks.

    Attributes:
        base: The base.
        context: What the trainer receives.
        recorded: The base in the training record.
        influences: What influences the weights, in addition to the data and the trainer's own options.
    """

    base: Candidate
    context: Training
    recorded: RecordedBase
    influences: Mapping[str, JsonValue]


def _finetuning(
    trainer: Trainer[Any],
    job: TrainingJob,
    data: TraceDataset,
    log: Callable[[Mapping[str, float]], None],
    say: Callable[[str], None],
) -> _Finetuning:
    """Check base, template, dev cases and examples. The arguments and errors are those of `run_training`."""
    base = _base(job.base)
    candidate = _start(job, base, needs_adapter=trainer.needs_adapter)
    device = choose_device(job.device)
    folders = locate(candidate)
    weights = folders.base
    dialect = _dialect(job, candidate, data)
    template = choose_template_args(job.template_args, candidate, [candidate])
    if template_reads_clock(weights):
        say(f"The chat template contains the current date. Toolmark always uses the date {TEMPLATE_DATE} instead.")
    if template.reason:
        say(f"The training uses {template}")
    judging = DevJudging(job, dialect.name, template.args, device)
    dev = judging.checked_cases()
    examples = EncodedExamples(
        data, dialect, weights, say, template_args=template.args, skip_too_long=job.skip_too_long
    )
    examples.of("train")  # checks every mask before the training starts
    context = Training(
        seed=job.seed,
        log=log,
        say=say,
        weights=weights,
        adapter=folders.adapter,
        dialect=dialect,
        template_args=template.args,
        device=device,
        examples=examples.of,
        query_types=examples.query_types,
        decisions=examples.decisions,
        score_dev=judging.score,
        dev_metrics=judged_metrics(dev),
    )
    recorded = RecordedBase(
        id=job.base,
        weights=weights_hash(weights),
        adapter=None if folders.adapter is None else adapter_hash(folders.adapter),
    )
    influences: dict[str, JsonValue] = {
        "base": recorded.weights,
        "adapter": recorded.adapter,
        "dialect": dialect.name,
        "template_args": dict(template.args),
        "skip_too_long": job.skip_too_long,
        "dev": case_set_hash(dev.cases),
        "max_tokens": job.max_tokens,
        "thinking_tokens": job.thinking_tokens,
    }
    return _Finetuning(base, context, recorded, influences)


@contextmanager
def _folder(folder: Path, influences: Mapping[str, JsonValue]) -> Iterator[None]:
    """Make the folder, and check that files can be written to it, and that it contains no other unfinished training.

    If the training is refused before it writes a file, the folder is removed.

    Args:
        folder: Folder of the weights.
        influences: What influences the weights, by name.
    """
    new = not folder.exists() and launched_process().first
    with writing(folder, "Choose another folder: --out DIR"):
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
        if launched_process().first:
            check_resumed(folder, influences)
    try:
        yield
    except BaseException:
        if new and {path.name for path in folder.rglob("*") if path.is_file()} <= {UNFINISHED_FILE}:
            shutil.rmtree(folder)
        raise


def _base(spec: str) -> Candidate:
    if not spec:
        raise InputError("no base model is given", "Give a base model, for example --base pocket")
    base = resolve(spec)
    if not base.has_weights:
        raise InputError(
            f"--base {spec} is not a local model or a model on the hub, so its weights cannot be loaded",
            "Give a local model or a model on the hub, for example --base pocket",
        )
    if base.adapter is not None:
        raise InputError(
            f"--base {spec} already has the adapter {base.adapter}",
            "Give the base without the adapter, or first merge both: toolmark models merge BASE:ADAPTER --out DIR",
        )
    return base


def _start(job: TrainingJob, base: Candidate, *, needs_adapter: bool) -> Candidate:
    """Return the candidate from which a training starts: the base, or the base with the adapter of `--adapter`."""
    if needs_adapter and not job.adapter:
        raise InputError(
            "this trainer starts from an adapter, but no adapter is given",
            "Make an adapter with `toolmark train lora`, and give its folder: --adapter DIR",
        )
    if job.adapter and not needs_adapter:
        raise InputError(
            f"this trainer makes a new adapter, so it cannot start from --adapter {job.adapter}",
            "Leave --adapter out, or use a trainer that starts from an adapter: toolmark train dpo",
        )
    start = resolve(job.start) if job.adapter else base
    if start.adapter is not None and is_recipe(Path(start.adapter)):
        raise InputError(
            f"--adapter {job.adapter} is a recipe, and its adapter is perhaps not made yet",
            f"Make the adapter with `toolmark eval --model {job.base} --adapter {job.adapter}`, and give its folder in "
            f"{ADAPTERS}/",
        )
    return start


def _dialect(job: TrainingJob, start: Candidate, data: TraceDataset) -> Dialect:
    family = family_dialect(start)
    trained = trained_dialect(start) if start.adapter else None
    name = job.dialect or trained or (family[0] if family else "tagged")
    written = data.manifest.get("dialect")
    if written not in (None, name):
        raise InputError(
            f"{str(data.path)!r} is written in the dialect {written}, but the training would use {name}",
            f"Train in the dialect of the data: --dialect {written}",
        )
    dialect: Dialect = load("toolmark.dialects", name)()
    return dialect


def check_data(data: TraceDataset, held_out: HeldOut) -> None:
    """Check that no conversation contains a test query or a held-out tool.

    Raises:
        InputError: A conversation contains a test query, or a held-out tool is offered or called in a conversation.
    """
    traces = counting(data.traces(), "conversations compared with the test cases", len(data.rows()), "conversation")
    leaks = [(number, leak) for number, trace in enumerate(traces) if (leak := held_out.leak(trace))]
    if leaks:
        number, leak = leaks[0]
        raise InputError(
            f"{len(leaks)} conversations of {str(data.path)!r} must not be used for training. The first of them is "
            f"conversation {number}: {leak}",
            f"Remove these conversations. To count all of them: toolmark data audit {shlex.quote(str(data.path))}",
        )
