"""Implements `toolmark models push`. The command uploads weights, card and results to the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from toolmark.benchmark.core.hub import check_id, upload
from toolmark.benchmark.core.printing import say
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import Split
from toolmark.benchmark.scoring.execution import Execute
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
    dialect: str | None = None,
    execute: Execute = "pure",
    trust_data_tools: bool = False,
    skip_too_long: bool = False,
    skip_bad: bool = False,
    dataset: str | None = None,
    private: bool = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
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
    cases:
        File or folder of the cases that the runs answered. The default is the shipped cases.
    tools:
        File or module with the toolboxes of the cases.
    split:
        Split of the cases: dev or test.
    dialect:
        Dialect of the answers. Only for recordings that do not contain the name of their dialect.
    execute:
        Which called tools are run: pure (tools without effects), read (also tools that read), or all.
    trust_data_tools:
        Also run the code that is named in the case files and in the tools.yaml beside them. This code gets all your
        rights.
    skip_too_long:
        Leave out the cases that were too long for one of the recorded models.
    skip_bad:
        Leave out rows of case files that cannot be read, and list these rows.
    dataset:
        Id of the benchmark's dataset on the hub, ORG/NAME. With this option, an .eval_results file is published too.
    private:
        Make the repository private.
    dry_run:
        List the files that would be published, without using the network.
    """
    check_id(to, "--to")
    request = Request(
        models=(run,),
        baseline=baseline,
        cases=cases or Request().cases,
        tools=tools,
        split=split,
        dialect=dialect,
        execute=execute,
        trust_data_tools=trust_data_tools,
        skip_too_long=skip_too_long,
        skip_bad=skip_bad,
    )
    publication = prepare(folder, compare_recorded(request, report=True), dataset)
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
