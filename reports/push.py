"""`toolmark models push`: weights with their card and results, to the hub, through the hub's own library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from toolmark.benchmark.core.hub import check_id, upload
from toolmark.benchmark.core.printing import say
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import Split
from toolmark.reports.publication import prepare

__all__ = ["push"]


def push(
    folder: Path,
    *,
    to: str,
    run: str,
    baseline: str | None = None,
    cases: str | None = None,
    tools: str | None = None,
    split: Split = "test",
    dataset: str | None = None,
    private: bool = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Publish an adapter or a model with its card, its results and its training record.

    Only safetensors, configuration, tokenizer and record are published, by name; never a pickle.

    Parameters
    ----------
    folder:
        The adapter or model.
    to:
        Where at the hub: ORG/NAME; made where it is not there.
    run:
        A recorded run of these weights, whose results the card shows.
    baseline:
        The run that it is held against.
    cases:
        The cases that were answered; the shipped ones where not given.
    tools:
        Source of the toolboxes that the cases name.
    split:
        Of the cases.
    dataset:
        The benchmark's dataset at the hub, ORG/NAME, to which .eval_results belong; without it there is no such file.
    private:
        Make it for your eyes only.
    dry_run:
        List what would be published, and ask no network.
    """
    check_id(to, "--to")
    request = Request(models=(run,), baseline=baseline, cases=cases or Request().cases, tools=tools, split=split)
    found = prepare(folder, compare_recorded(request, report=True), dataset)
    for name, path in found.files.items():
        say(f"{name}: {path.stat().st_size:,} bytes")
    for name, text in found.made.items():
        say(f"{name}: {len(text.encode()):,} bytes, made here")
    if found.left_out:
        say(f"left out: {', '.join(found.left_out)}")
    if dry_run:
        say(f"would publish {len(found.files) + len(found.made)} files to {to}")
        return
    address = upload(
        to,
        {**found.files, **found.made},
        "model",
        private=private,
        message="Toolmark: weights, card and results",
        card=folder / "README.md",
        again=f"toolmark models push {folder} --to {to} …",
    )
    say(f"published: {address}")
