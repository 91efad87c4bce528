"""`toolmark models`: lists trained models, merges adapters, and checks that adapters are applied correctly."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from cyclopts import App
from rich.table import Table

from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.core.plugin_descriptions import described
from toolmark.benchmark.core.printing import console, say
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.core.registry import load, names, target
from toolmark.benchmark.data.record import RECORD_FILE, TrainingRecord
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.shared_options import AnswerOptions, CaseOptions
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver

__all__ = ["models"]

models = App(name="models", help="List, merge, check and publish models and adapters.")
for _name in names("toolmark.models"):  # a plug-in is imported only when its command is called
    _target = target("toolmark.models", _name)
    models.command(_target, name=_name, help=described(_target) or f"See: toolmark models {_name} --help")


@models.command(name="list")
def list_trained(folder: Path = Path("adapters")) -> None:
    """List trained adapters and models. A line shows trainer, base, dialect, conversations, time and chosen step.

    Parameters
    ----------
    folder:
        Folder that contains the adapters and models.
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
        raise NothingToDo(f"{folder} contains no trained adapter or model", "Train one: toolmark train lora --help")
    console().print(table)


@models.command
def merge(spec: str, *, out: Path) -> None:
    """Merge an adapter into its base, and write the result as a model directory.

    Before the directory gets its name, the logits of the merged model are compared with those of the adapter.
    `toolmark models check BASE:ADAPTER` also compares the answers.

    Parameters
    ----------
    spec:
        The base and its adapter: BASE:ADAPTER.
    out:
        Folder to write to. The folder must be new or empty.
    """
    candidate = resolve(spec)
    if not candidate.has_weights or candidate.adapter is None:
        raise InputError(
            f"{spec} has no adapter to merge", "Give base and adapter: toolmark models merge BASE:ADAPTER --out DIR"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} already exists and is not empty", f"Give a new folder: --out DIR. Or remove {out}")
    weights = locate(candidate)
    from toolmark.benchmark.engine.adapter_merge import merge as merged  # torch and peft

    with phase("merging the adapter into its base"):
        merged(weights, out)
    say(f"Merged: {out}")


@models.command
def check(
    spec: str,
    *,
    limit: int = 40,
    thinking_tokens: int = Decoding().thinking_tokens,
    case_options: CaseOptions = CaseOptions(),  # noqa: B008 - it cannot be changed
    answer_options: AnswerOptions = AnswerOptions(),  # noqa: B008 - it cannot be changed
) -> None:
    """Check that Toolmark applies adapters correctly.

    A model without an adapter is compared with the same model plus an adapter that adds zero. For BASE:ADAPTER, the
    base with the adapter is compared with the merged model. In both comparisons, the answers should be the same. The
    exit code is 0 if all metrics are equivalent, and 1 otherwise.

    Parameters
    ----------
    spec:
        A local model, or a base with an adapter: BASE:ADAPTER.
    limit:
        Number of cases to answer.
    thinking_tokens:
        Largest number of tokens of a thought. With 0, thoughts count against --max-tokens.
    case_options:
        Which cases are answered, and how they are written as prompts.
    answer_options:
        How the model answers.
    """
    candidate = resolve(spec)
    if not candidate.has_weights:
        raise InputError(
            f"{spec} is not a model with weights that can be loaded",
            "Give a local model, a model on the hub, or BASE:ADAPTER.",
        )
    weights = locate(candidate)
    from toolmark.benchmark.engine.adapter_merge import merge  # torch and peft
    from toolmark.benchmark.engine.zero_adapter import zero_adapter

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
            limit=limit,
            thinking_tokens=thinking_tokens,
            runs=Path(folder) / "runs",
            **case_options.of_request(),
            **answer_options.of_request(),
        )
        comparison = evaluate(request, TerminalObserver(), logs=False)
    load("toolmark.renderers", "terminal")().render(comparison, None)
    verdicts = {one.verdict for contestant in comparison.compared for one in contestant.differences.values()}
    sys.exit(0 if verdicts <= {"equivalent"} else 1)
