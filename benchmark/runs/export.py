"""A run as one file to commit: small, the same bytes for the same completions, without the machine's description.

It is a ledger: `replay/FILE` answers from it, and a comparison takes it as baseline.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.runs.ledger import Recorded

__all__ = ["Exported", "exported"]

_OF_THE_MACHINE = frozenset({"platform", "processors"})


@dataclass(frozen=True, slots=True)
class Exported:
    """A ledger's bytes, gzipped; how many cases it holds; how many were asked and have no completion."""

    content: bytes
    cases: int
    missing: int


def exported(recorded: Recorded, name: str) -> Exported:
    """Header, and the completions of the last session's cases, in order of case and epoch.

    Args:
        recorded: A run's ledger.
        name: What an error calls it.

    Raises:
        InputError: The ledger does not say what was asked, or answers none of it.
    """
    last = recorded.runs[-1] if recorded.runs else {}
    asked: Mapping[str, Any] = last.get("cases", {})
    places = sorted(place for place in recorded.by_case if place[0] in asked)
    if not places:
        raise InputError(
            f"{name} holds no completion of the cases that were last asked", "Run its candidate again to its end."
        )
    answered = {case_id for case_id, _ in places}
    environment = {field: value for field, value in last["environment"].items() if field not in _OF_THE_MACHINE}
    cases = {case_id: gold for case_id, gold in asked.items() if case_id in answered}
    rows: list[Mapping[str, Any]] = [{"run": {**last, "environment": environment, "cases": cases}}]
    rows += [
        {"key": recorded.keys[place], "case_id": place[0], "epoch": place[1], **_timeless(recorded.by_case[place])}
        for place in places
    ]
    return Exported(_packed(rows), len(answered), len(asked) - len(answered))


def _timeless(completion: Completion) -> Mapping[str, Any]:
    """Seconds say nothing without the machine."""
    return replace(completion, usage=replace(completion.usage, seconds=None)).as_json()


def _packed(rows: Iterable[Mapping[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    # Neither a time nor a file name in the header: the same rows give the same bytes on every day and machine.
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as stream:
        for row in rows:
            stream.write(json.dumps(row, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    return buffer.getvalue()
