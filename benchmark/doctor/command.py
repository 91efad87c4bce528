"""The command `toolmark doctor`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.core.printing import say
from toolmark.benchmark.doctor.child_process import findings_of_child
from toolmark.benchmark.doctor.findings import Check, Finding, run_checks
from toolmark.benchmark.doctor.hub_access import hub_finding
from toolmark.benchmark.doctor.memory_and_disk import cache_finding, memory_finding, runs_finding
from toolmark.benchmark.doctor.packages import extras_finding, packages_finding, python_finding

__all__ = ["doctor"]

_TORCH_SECONDS = 120.0
"""torch is imported in seconds, but from a slow disk in a minute. Then there are measurements of three seconds."""

_TORCH_CHECKS = "toolmark.benchmark.doctor.torch_checks:torch_checks"

_NAME_WIDTH = 10

doctor = App(name="doctor", help="Check this machine, or a model on this machine, and say what to do.")


@doctor.default
def check(
    *,
    runs: Annotated[Path, Parameter(env_var="TOOLMARK_RUNS")] = Path("runs"),
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Check that this machine can run Toolmark. Each check prints one line, with what to do if something is not well.

    The exit code is 0 if a run is possible, and 69 if there is a problem. Nothing is downloaded or written.

    Parameters
    ----------
    runs:
        Folder of the runs.
    as_json:
        Print the findings as JSON.
    """
    findings = []
    for name, finding in _machine(runs):
        findings.append((name, finding))
        if not as_json:
            say(f"{finding.state:<8} {name:<{_NAME_WIDTH}} {finding}")
    counts = Counter(finding.state for _, finding in findings)
    if as_json:
        listed = [{"name": name, **asdict(finding)} for name, finding in findings]
        say(json.dumps({"ok": not counts["problem"], "findings": listed}, indent=2))
    else:
        say(f"{counts['problem']} problems, {counts['warning']} warnings")
    if counts["problem"]:
        sys.exit(EnvironmentFault.exit_code)


def _machine(runs: Path) -> Iterator[tuple[str, Finding]]:
    """The findings about this machine."""
    first: Iterable[Check] = [
        ("python", python_finding),
        ("packages", packages_finding),
        ("extras", extras_finding),
    ]
    last: Iterable[Check] = [
        ("memory", memory_finding),
        ("runs", lambda: runs_finding(runs)),
        ("cache", cache_finding),
        ("hub", hub_finding),
    ]
    again = "Stop other programs, and run again: toolmark doctor"
    return chain(run_checks(first), findings_of_child(_TORCH_CHECKS, {}, _TORCH_SECONDS, again), run_checks(last))
