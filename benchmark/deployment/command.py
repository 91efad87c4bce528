"""`toolmark deploy check`: compares a trained model with the server that users ask."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cyclopts import App

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.template_args import parse_template_args
from toolmark.benchmark.core.errors import writing
from toolmark.benchmark.core.printing import say
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.deployment.check import DeploymentResult, Send, check_deployment
from toolmark.benchmark.deployment.gguf_commands import file
from toolmark.benchmark.deployment.printed import print_result
from toolmark.benchmark.engine.devices import DeviceChoice, DtypeChoice
from toolmark.benchmark.engine.runtimes.connect import connected
from toolmark.benchmark.evaluation.report_writing import check_report, write_report
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver
from toolmark.benchmark.readers.case_selection import Split
from toolmark.benchmark.runs.remote_runs import local_runs
from toolmark.benchmark.verdicts.verdict import MARGIN

__all__ = ["as_json", "deploy"]

_SECONDS = 600.0

deploy = App(name="deploy", help="Check what a model loses between its training and the server that users ask.")
deploy.command(file)


@deploy.command
def check(
    *,
    trained: str,
    deployed: str,
    cases: str | None = None,
    tools: str | None = None,
    split: Split = "test",
    limit: int | None = None,
    seed: int = 0,
    dialect: str | None = None,
    template_args: str = "",
    send: Send = "auto",
    max_tokens: int = Decoding().max_tokens,
    margin: float = MARGIN,
    device: DeviceChoice = "auto",
    dtype: DtypeChoice = "auto",
    threads: int | None = None,
    connections: int = 1,
    request_timeout: float = _SECONDS,
    skip_too_long: bool = False,
    skip_bad: bool = False,
    runs: str = "runs",
    strict: bool = False,
    details: bool = False,
    report: list[str] | None = None,
    json_file: Path | None = None,
) -> None:
    """Compare a trained model with its deployment on the same cases, and say which part changes the answers.

    The parts are the weights, the prompt, the decoding and the parser. For each part, the command counts the cases that
    are equal, names the kinds of differences, and gives a verdict. The exit code is 1 if a part or the whole regressed.

    Parameters
    ----------
    trained:
        The trained model: a base, or BASE:ADAPTER.
    deployed:
        The address of a server, for example http://127.0.0.1:8080. Add the name of the model if the server has several
        models: http://127.0.0.1:11434#NAME. Or a GGUF file, which llama.cpp's server then serves. Or an Inspect model
        with OpenAI's chat completions, for example openai-api/local/NAME.
    cases:
        Case file or folder. The default is the shipped cases.
    tools:
        File or module with the toolboxes of the cases.
    split:
        Split of the cases: dev or test.
    limit:
        Number of cases.
    seed:
        Seed of the sample of cases.
    dialect:
        Dialect of the training. The default is the dialect that an evaluation would use.
    template_args:
        Arguments of the chat template as JSON. By default, the arguments of the training are used, if there are any.
    send:
        What a client sends: the conversation and the tools (tools), or the turns that the dialect writes (turns). The
        default is tools with the dialect native, and turns with other dialects.
    max_tokens:
        Largest number of tokens of an answer.
    margin:
        Differences between -M and +M count as equivalent. 0.05 is 5 points.
    device:
        Device that computes the answers of the trained model.
    dtype:
        Data type of the weights of the trained model.
    threads:
        Number of processor threads for the trained model, and for a server that is started.
    connections:
        Number of requests that are sent to the server at the same time.
    request_timeout:
        Seconds after which a request to the server fails.
    skip_too_long:
        Leave out cases with a prompt that is too long for the model.
    skip_bad:
        Leave out rows of case files that cannot be read, and list these rows.
    runs:
        Folder in which the answers of the trained model are stored, or an address such as s3://BUCKET/runs.
    strict:
        Exit with 1 if there is any difference in any part.
    details:
        Also print all metrics of all parts.
    report:
        Write a report: .html, .md, .csv, .json, or a folder with a name that ends in /. Can be repeated.
    json_file:
        Write all differences of all cases to this file.
    """
    request = Request(
        models=(trained,),
        cases=cases or shipped_cases(),
        tools=tools,
        split=split,
        limit=limit,
        seed=seed,
        dialect=dialect,
        template_args=parse_template_args(template_args),
        max_tokens=max_tokens,
        margin=margin,
        device=device,
        dtype=dtype,
        threads=threads,
        connections=connections,
        request_timeout=request_timeout,
        skip_too_long=skip_too_long,
        skip_bad=skip_bad,
        runs=local_runs(runs),
    )
    for out in report or ():  # A wrong path is an error before the check.
        check_report(out)
    with connected(deployed, request_timeout, threads or 1) as runtime:
        result = check_deployment(request, runtime, send, TerminalObserver(), report=bool(report))
    if details:
        load("toolmark.renderers", "terminal")().render(result.comparison, None)
    print_result(result)
    for out in report or ():
        write_report(result.comparison, out)
        say(f"Report: {out}")
    if json_file is not None:
        with writing(json_file):
            json_file.write_text(json.dumps(as_json(result), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        say(f"All differences: {json_file}")
    regressed = any(part.verdict in ("regressed", "missing") for part in result.parts)
    sys.exit(1 if regressed or (strict and result.findings) else 0)


def as_json(result: DeploymentResult) -> dict[str, Any]:
    """Return a result as JSON values, without the figures of its comparison."""
    parts = [asdict(part) for part in result.parts]
    findings = [asdict(one) for one in result.findings]
    return {"runtime": dict(result.runtime), "send": result.send, "parts": parts, "findings": findings}
