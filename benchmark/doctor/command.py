"""The command `toolmark doctor`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from typing import Annotated

from cyclopts import App, Parameter

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.printing import say
from toolmark.benchmark.doctor.child_process import findings_of_child
from toolmark.benchmark.doctor.findings import Check, Finding, run_checks
from toolmark.benchmark.doctor.hub_access import hub_finding
from toolmark.benchmark.doctor.memory_and_disk import cache_finding, memory_finding, runs_finding
from toolmark.benchmark.doctor.packages import extras_finding, packages_finding, python_finding
from toolmark.benchmark.doctor.sandbox_limits import sandbox_finding

__all__ = ["doctor"]

_TORCH_SECONDS = 120.0
"""The limit on the time of the checks of torch, in seconds. From a slow disk, the import of torch takes a minute."""

_MODEL_SECONDS = 300.0

_REQUESTS_IN_TIME = 4
"""The time limit of one request is the time limit of all checks of the model, divided by this number."""

_REPLY_MEMORY = 1_500_000_000
"""The limit on the memory for replies, in bytes. A hostile server can send a reply without end."""

_TORCH_CHECKS = "toolmark.benchmark.doctor.torch_checks:torch_checks"
_MODEL_CHECKS = "toolmark.benchmark.doctor.model_checks:model_checks"

_NAME_WIDTH = 10

doctor = App(name="doctor", help="Check this machine, or a model on this machine, and say what to do.")


@doctor.default
def check(
    *,
    model: str | None = None,
    dialect: str | None = None,
    seconds: float = _MODEL_SECONDS,
    runs: Annotated[str, Parameter(env_var="TOOLMARK_RUNS")] = "runs",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Check that this machine can run Toolmark. Each check prints a line with the result and, if needed, with advice.

    The exit code is 0 if a run is possible, and 69 if there is a problem. Nothing is downloaded. Nothing is written,
    with one exception: a converted GGUF file is stored in the cache.

    With --model, the model is checked too: weights, template, dialect, context length, and the time for a case. A
    served model is asked about ten short questions, which show what its server does with tools and calls.

    Parameters
    ----------
    model:
        A candidate: alias, path, hub id, replay/FILE, policy/NAME or an Inspect model.
    dialect:
        How tools are shown and calls are read. The default is the dialect that an evaluation would use.
    seconds:
        The limit on the time of the checks of the model.
    runs:
        Folder of the runs, or an address such as s3://BUCKET/runs.
    as_json:
        Print the findings as JSON.
    """
    if not 0 < seconds < float("inf"):
        raise InputError(f"--seconds {seconds:g} is not a positive number", "Write seconds, for example --seconds 120")
    if model is not None:
        from toolmark.benchmark.doctor.model_checks import contestant_of

        contestant_of(model, dialect)  # A wrong spec is an error before the first check.
    findings = []
    wanted = chain(_machine(runs), _model(model, dialect, seconds) if model else ())
    for name, finding in wanted:
        findings.append((name, finding))
        if not as_json:
            say(f"{finding.state:<8} {name:<{_NAME_WIDTH}} {finding}")
    counts = Counter(finding.state for _, finding in findings)
    if as_json:
        listed = [{"name": name, **asdict(finding)} for name, finding in findings]
        say(json.dumps({"ok": not counts["problem"], "findings": listed}, indent=2))
    else:
        say(", ".join(f"{counts[state]} {state}{'s' * (counts[state] != 1)}" for state in ("problem", "warning")))
    if counts["problem"]:
        sys.exit(EnvironmentFault.exit_code)


def _machine(runs: str) -> Iterator[tuple[str, Finding]]:
    """Yield the name and the finding of each check of this machine."""
    first: Iterable[Check] = [
        ("python", python_finding),
        ("packages", packages_finding),
        ("extras", extras_finding),
    ]
    last: Iterable[Check] = [
        ("memory", memory_finding),
        ("sandbox", sandbox_finding),
        ("runs", lambda: runs_finding(runs)),
        ("cache", cache_finding),
        ("hub", hub_finding),
    ]
    again = "Stop other programs, and run again: toolmark doctor"
    return chain(run_checks(first), findings_of_child(_TORCH_CHECKS, {}, _TORCH_SECONDS, again), run_checks(last))


def _model(spec: str, dialect: str | None, seconds: float) -> Iterator[tuple[str, Finding]]:
    """Yield the name and the finding of each check of a model."""
    arguments = {
        "spec": spec,
        "dialect": dialect,
        "seconds": seconds / _REQUESTS_IN_TIME,
        "reply_memory": _REPLY_MEMORY,
    }
    again = f"Allow more time: toolmark doctor --model {spec} --seconds {5 * seconds:g}"
    return findings_of_child(_MODEL_CHECKS, arguments, seconds, again)
