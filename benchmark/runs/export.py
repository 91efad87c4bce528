"""Exports a run as one small file: a gzipped ledger without the description of the machine.

The file can be committed, because the same completions always give the same bytes. `replay/FILE` reads the file. A
comparison can use the file as a baseline.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.secrets import redacted
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.runs.ledger import Recorded
from toolmark.benchmark.scoring.conversations import Step

__all__ = ["Exported", "export_run"]

_OF_THE_MACHINE = frozenset({"platform", "processors"})


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported run.

    Attributes:
        content: The gzipped ledger.
        cases: Number of cases in the ledger.
        missing: Number of cases of the last session that have no completion. Cases that were left out, because they are
            too long for the model, are among them.
    """

    content: bytes
    cases: int
    missing: int


def export_run(recorded: Recorded, name: str) -> Exported:
    """Return the exported run: its description, and the completions in the order of case, epoch and step.

    Only the cases of the last session are exported. The description still names the cases of this session that were
    left out, because they are too long for the model.

    Args:
        recorded: The ledger of a run.
        name: Name of the ledger for error messages.

    Raises:
        InputError: The ledger has no completion of the cases of its last session.
    """
    last = recorded.runs[-1] if recorded.runs else {}
    requested: Mapping[str, Any] = last.get("cases", {})
    answered = recorded.answered & requested.keys()
    if not answered:
        raise InputError(
            f"{name} has no completion of the cases of its last session",
            "Run the same command again to finish the run.",
        )
    environment = {field: value for field, value in last["environment"].items() if field not in _OF_THE_MACHINE}
    cases = {case_id: gold for case_id, gold in requested.items() if case_id in answered}
    rows: list[Mapping[str, Any]] = [{"run": {**last, "environment": environment, "cases": cases}}]
    rows += [
        {"key": recorded.keys[case_id, epoch], "case_id": case_id, "epoch": epoch, **_without_time(answer).as_json()}
        for (case_id, epoch), answer in sorted(recorded.by_case.items(), key=lambda item: item[0])
        if case_id in answered
    ]
    rows += [
        {"key": key, "case_id": scenario_id, "epoch": epoch, "step": number}
        | ({"world": recorded.worlds[scenario_id, epoch]} if (scenario_id, epoch) in recorded.worlds else {})
        | _step_without_time(step).as_json()
        for (scenario_id, epoch), steps in sorted(recorded.conversations.items(), key=lambda item: item[0])
        if scenario_id in answered
        for number, (key, step) in enumerate(steps, start=1)
    ]
    return Exported(_packed(rows), len(answered), len(requested) - len(answered))


def _without_time(completion: Completion) -> Completion:
    """Return the completion without its seconds. The seconds have no meaning without the machine's name."""
    return replace(completion, usage=replace(completion.usage, seconds=None))


def _step_without_time(step: Step) -> Step:
    return replace(step, completion=_without_time(step.completion))


def _packed(rows: Iterable[Mapping[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    # The gzip header gets no time and no file name. So the same rows always give the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as stream:
        for row in rows:
            stream.write(redacted(json.dumps(row, sort_keys=True, separators=(",", ":"))).encode() + b"\n")
    return buffer.getvalue()
