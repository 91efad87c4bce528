"""Implements `toolmark models push`. The command uploads weights, card and results to the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from toolmark.benchmark.core.hub import check_id, upload
from toolmark.benchmark.core.printing import say
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.recorded_options import RecordedOptions
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver
from toolmark.reports.publication import prepare

__all__ = ["push"]


def push(
    folder: Path,
    *,
    to: str,
    run: str,
    baseline: str | None = None,
    dataset: str | None = None,
    private: bool = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: RecordedOptions = RecordedOptions(),  # noqa: B008 - it cannot be changed
) -> None:
    """Publish an adapter or a model with its card, its results and its training record.

    Only safetensors, configuration, tokenizer and training record are published. Pickled files are never published.

    Parameters
    ----------
    folder:
        Folder of the adapter or model.
    to:
        Repository on the hub, ORG/NAME. If the repository does not exist, it is created.
    run:
        A recorded run of these weights. The card shows the results of this run.
    baseline:
        Compare the recorded run with this run.
    dataset:
        Id of the benchmark's dataset on the hub, ORG/NAME. With this option, an .eval_results file is published too.
    private:
        Make the repository private.
    dry_run:
        List the files that would be published, without using the network.
    options:
        Which cases the runs are judged on, and how.
    """
    check_id(to, "--to")
    request = options.request((run,), baseline)
    publication = prepare(folder, compare_recorded(request, TerminalObserver(), report=True), dataset)
    for name, path in publication.files.items():
        say(f"{name}: {path.stat().st_size:,} bytes")
    for name, text in publication.made.items():
        say(f"{name}: {len(text.encode()):,} bytes, generated")
    if publication.left_out:
        say(f"left out: {', '.join(publication.left_out)}")
    if dry_run:
        say(f"would publish {len(publication.files) + len(publication.made)} files to {to}")
        return
    address = upload(
        to,
        {**publication.files, **publication.made},
        "model",
        private=private,
        message="Toolmark: weights, card and results",
        card=folder / "README.md",
        again=f"toolmark models push {folder} --to {to} …",
    )
    say(f"published: {address}")
