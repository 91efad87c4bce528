"""`toolmark deploy check`: compares a trained model with the server that users ask."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cyclopts import App

from toolmark.benchmark.core.errors import writing
from toolmark.benchmark.core.printing import say
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.deployment.check import DeploymentResult, Send, check_deployment
from toolmark.benchmark.deployment.gguf_commands import file
from toolmark.benchmark.deployment.printed import print_result
from toolmark.benchmark.engine.runtimes.connect import connected
from toolmark.benchmark.evaluation.report_writing import check_report, write_report
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.shared_options import AnswerOptions, CaseOptions
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
    split: Split = "test",
    limit: int | None = None,
    seed: int = 0,
    send: Send = "auto",
    margin: float = MARGIN,
    connections: int = 1,
    request_timeout: float = _SECONDS,
    runs: str = "runs",
    strict: bool = False,
    details: bool = False,
    report: list[str] | None = None,
    json_file: Path | None = None,
    case_options: CaseOptions = CaseOptions(),  # noqa: B008 - it cannot be changed
    answer_options: AnswerOptions = AnswerOptions(),  # noqa: B008 - it cannot be changed
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
    split:
        Split of the cases: dev or test.
    limit:
        Number of cases.
    seed:
        Seed of the sample of cases.
    send:
        What a client sends: the conversation and the tools (tools), or the turns that the dialect writes (turns). The
        default is tools with the dialect native, and turns with other dialects.
    margin:
        Differences between -M and +M count as equivalent. 0.05 is 5 points.
    connections:
        Number of requests that are sent to the server at the same time.
    request_timeout:
        Seconds after which a request to the server fails.
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
    case_options:
        Which cases are answered, and how they are written as prompts.
    answer_options:
        How the model answers.
    """
    request = Request(
        models=(trained,),
        split=split,
        limit=limit,
        seed=seed,
        margin=margin,
        connections=connections,
        request_timeout=request_timeout,
        runs=local_runs(runs),
        **case_options.of_request(),
        **answer_options.of_request(),
    )
    for out in report or ():  # A wrong path is an error before the check.
        check_report(out)
    with connected(deployed, request_timeout, answer_options.threads or 1) as runtime:
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
