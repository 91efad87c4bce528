"""`toolmark compare` and `toolmark models`: the session of the pytest door, from the command line."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from cyclopts import App
from rich.console import Console
from rich.table import Table

from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.candidates.weights import locate
from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.core.progress import progress_line
from toolmark.benchmark.core.registry import load, names, target
from toolmark.benchmark.data.record import RECORD_FILE, TrainingRecord
from toolmark.benchmark.evaluation.session import Request, Session, shipped_cases
from toolmark.benchmark.readers.case_selection import Split
from toolmark.benchmark.runs.replay import read_replay
from toolmark.benchmark.verdicts.comparison import Comparison

__all__ = ["compare", "judge_recorded", "models"]

compare = App(name="compare", help="Compare recorded runs: the first is the baseline of the others.")
models = App(name="models", help="Look after models and adapters.")
for _name in names("toolmark.models"):  # of other rooms, and imported when called
    models.command(target("toolmark.models", _name), name=_name, help=f"See: toolmark models {_name} --help")


def _draw(comparison: Comparison) -> None:
    load("toolmark.renderers", "terminal")().render(comparison, None)


def judge_recorded(request: Request, *, evidence: bool = False) -> Comparison:
    """Judge recorded runs again, on the cases that each has; nothing is generated or written.

    As many epochs are judged as the runs hold.

    Raises:
        InputError: A spec is no recorded run, or an option is wrong.
    """
    epochs = 1
    for spec in (*request.models, *filter(None, [request.baseline])):
        candidate = resolve(spec)
        if candidate.kind != "replay":
            raise InputError(f"{spec} is no recorded run", "Name a directory under runs/, or a ledger.jsonl.")
        epochs = max(epochs, read_replay(Path(candidate.base)).epochs)
    if epochs > 1:  # a request for epochs needs a temperature; recordings have theirs
        request = replace(request, epochs=epochs, temperature=1.0)
    session = Session(request, partial=True)
    session.open(writable=False)
    for run in session.runs:
        session.generate(run, lambda *_: None)
    return session.judge(logs=False, evidence=evidence)


@compare.default
def compare_runs(
    baseline: str,
    *candidates: str,
    cases: str | None = None,
    split: Split = "test",
    margin: float = 0.05,
) -> None:
    """Compare recorded runs in the terminal; nothing is generated or written.

    Parameters
    ----------
    baseline:
        A run's directory or ledger.
    candidates:
        One to nine more of them.
    cases:
        The cases that they answered; the shipped ones where not given. Cases that a run lacks are left out.
    split:
        Of the cases.
    margin:
        Differences within ±margin, a share, count as equivalent.
    """
    if not 1 <= len(candidates) <= 9:
        raise InputError(
            f"{len(candidates)} runs are held against the baseline", "Name one to nine: toolmark compare A B"
        )
    request = Request(models=candidates, baseline=baseline, cases=cases or shipped_cases(), split=split, margin=margin)
    _draw(judge_recorded(request))


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
            cases=cases or shipped_cases(),
            limit=limit,
            threads=threads,
            runs=Path(folder) / "runs",
        )
        session = Session(request)
        session.open()
        for name, run in zip(session.names, session.runs, strict=True):
            with progress_line(name) as progress:
                session.generate(run, progress.update)
        comparison = session.judge(logs=False)
    _draw(comparison)
    verdicts = {row.differences[1].verdict for row in comparison.rows if row.differences and row.differences[1]}
    sys.exit(0 if verdicts <= {"equivalent"} else 1)
