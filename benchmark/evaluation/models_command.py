"""`toolmark models`: lists trained models, merges adapters, and checks that adapters are applied correctly."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from cyclopts import App
from rich.table import Table

from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.template_args import parse_template_args
from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.core.printing import console, say
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.core.registry import load, names, target
from toolmark.benchmark.data.record import RECORD_FILE, TrainingRecord
from toolmark.benchmark.engine.devices import DeviceChoice, DtypeChoice
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver

__all__ = ["models"]

_DECODING = Decoding()

models = App(name="models", help="List, merge, check and publish models and adapters.")
for _name in names("toolmark.models"):  # a plug-in is imported only when its command is called
    models.command(target("toolmark.models", _name), name=_name, help=f"See: toolmark models {_name} --help")


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
    cases: str | None = None,
    tools: str | None = None,
    dialect: str | None = None,
    template_args: str = "",
    max_tokens: int = _DECODING.max_tokens,
    thinking_tokens: int = _DECODING.thinking_tokens,
    device: DeviceChoice = "auto",
    dtype: DtypeChoice = "auto",
    threads: int | None = None,
    skip_too_long: bool = False,
    skip_bad: bool = False,
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
    cases:
        Case file or folder. The default is the shipped cases.
    tools:
        File or module with the toolboxes of the cases.
    dialect:
        How tools are shown to the model, and how its calls are written. The default is that of an evaluation.
    template_args:
        Arguments of the chat template as JSON. By default, the arguments of the training are used, if there are any.
    max_tokens:
        Largest number of tokens of an answer.
    thinking_tokens:
        Largest number of tokens of a thought. With 0, thoughts count against --max-tokens.
    device:
        Device that computes the answers.
    dtype:
        Data type of the weights.
    threads:
        Number of processor threads.
    skip_too_long:
        Leave out cases with a prompt that is too long for the model.
    skip_bad:
        Leave out rows of case files that cannot be read, and list these rows.
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
            cases=cases or Request().cases,
            tools=tools,
            dialect=dialect,
            limit=limit,
            template_args=parse_template_args(template_args),
            max_tokens=max_tokens,
            thinking_tokens=thinking_tokens,
            device=device,
            dtype=dtype,
            threads=threads,
            skip_too_long=skip_too_long,
            skip_bad=skip_bad,
            runs=Path(folder) / "runs",
        )
        comparison = evaluate(request, TerminalObserver(), logs=False)
    load("toolmark.renderers", "terminal")().render(comparison, None)
    verdicts = {one.verdict for contestant in comparison.compared for one in contestant.differences.values()}
    sys.exit(0 if verdicts <= {"equivalent"} else 1)
