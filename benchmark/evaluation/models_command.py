"""`toolmark models`: list what was trained, merge an adapter into its base, prove that adapters are served rightly."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from cyclopts import App
from rich.console import Console
from rich.table import Table

from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.candidates.weights import locate
from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.core.registry import load, names, target
from toolmark.benchmark.data.record import RECORD_FILE, TrainingRecord
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver

__all__ = ["models"]

models = App(name="models", help="List, merge, check and publish models and adapters.")
for _name in names("toolmark.models"):  # of the other folders, and imported when called
    models.command(target("toolmark.models", _name), name=_name, help=f"See: toolmark models {_name} --help")


@models.command(name="list")
def list_trained(folder: Path = Path("adapters")) -> None:
    """List what was trained here: base, dialect, data, the step that was kept.

    Parameters
    ----------
    folder:
        Where the adapters and models lie.
    """
    table = Table("name", "trainer", "base", "dialect", "conversations", "seconds", "step", box=None)
    for record in sorted(folder.glob(f"*/{RECORD_FILE}")):
        trained = TrainingRecord.read(record.parent)
        if trained is None:
            continue
        dialects = ", ".join(trained.dialects)
        cells = (trained.trainer, trained.base_id, dialects, trained.conversations, trained.seconds)
        step = "" if trained.chosen is None else f"{trained.chosen.step:g}"
        table.add_row(record.parent.name, *("" if cell is None else str(cell) for cell in cells), step)
    if not table.row_count:
        raise NothingToDo(f"nothing that was trained lies in {folder}", "Train: toolmark train lora --help")
    Console().print(table)


@models.command
def merge(spec: str, *, out: Path) -> None:
    """Write a base with its adapter merged in, as a model directory; `models check BASE:ADAPTER` proves the two equal.

    Parameters
    ----------
    spec:
        BASE:ADAPTER.
    out:
        Folder to write to; it must not hold anything yet.
    """
    candidate = resolve(spec)
    if candidate.kind not in ("local", "hub") or candidate.adapter is None:
        raise InputError(f"{spec} has no adapter to merge", "Name both: toolmark models merge BASE:ADAPTER --out DIR")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already", "Name a new folder with --out, or remove that one.")
    weights = locate(candidate)
    from toolmark.benchmark.engine.adapter_variants import merge as merged  # torch and peft

    merged(weights, out)
    Console().print(f"Merged: {out}", markup=False, highlight=False, soft_wrap=True)


@models.command
def check(spec: str, *, limit: int = 40, cases: str | None = None, threads: int | None = None) -> None:
    """Prove that adapters are served rightly: a zero adapter changes nothing, a merged one answers as the unmerged.

    Leaves with 0 where all metrics come out equivalent, and with 1 otherwise.

    Parameters
    ----------
    spec:
        A local model, or a base with an adapter: BASE:ADAPTER.
    limit:
        Cases to answer.
    cases:
        Where they come from; the shipped ones where not given.
    threads:
        Processor threads.
    """
    candidate = resolve(spec)
    if candidate.kind not in ("local", "hub"):
        raise InputError(f"{spec} is not loaded from weights here", "Name a local or hub model, or BASE:ADAPTER.")
    weights = locate(candidate)
    from toolmark.benchmark.engine.adapter_variants import merge, zero_adapter  # torch and peft

    with tempfile.TemporaryDirectory(prefix="toolmark-") as folder:
        variant = Path(folder) / ("zero-adapter" if weights.adapter is None else "merged")
        if weights.adapter is None:
            zero_adapter(weights.base, variant)
            subject = f"{spec}:{variant}"
        else:
            merge(weights, variant)
            subject = str(variant)
        request = Request(
            models=(subject,),
            baseline=spec,
            cases=cases or Request().cases,
            limit=limit,
            threads=threads,
            runs=Path(folder) / "runs",
        )
        comparison = evaluate(request, TerminalObserver(), logs=False)
    load("toolmark.renderers", "terminal")().render(comparison, None)
    verdicts = {found.verdict for contestant in comparison.compared for found in contestant.differences.values()}
    sys.exit(0 if verdicts <= {"equivalent"} else 1)
