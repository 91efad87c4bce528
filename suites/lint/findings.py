"""Defines a finding of a check of cases: its kind, its place and its message."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolmark.benchmark.data.cases import Case, ExpectCall

__all__ = ["KINDS", "Finding", "Kind", "LocatedCase", "expected_tools", "stratum", "user_text"]

Kind = Literal[
    "schema",
    "id",
    "tags",
    "split",
    "held-out",
    "execution",
    "gold",
    "near-duplicate",
    "skeleton",
    "leakage",
    "answerable",
    "missing-argument",
    "already-answered",
    "balance",
]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class LocatedCase:
    """A case with its file and line. Lines are counted from 1."""

    case: Case
    file: Path
    line: int

    @property
    def place(self) -> str:
        """Return the place as `file:line`."""
        return f"{self.file}:{self.line}"

    def finding(self, kind: Kind, message: str) -> Finding:
        """Return a finding with the file and the line of this case."""
        return Finding(self.file, self.line, kind, message)


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding about one row of a case file: a certain fault, or a doubt that a person must decide."""

    file: Path
    line: int
    kind: Kind
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.kind}: {self.message}"


def expected_tools(case: Case) -> tuple[str, ...]:
    """Return the distinct names of the expected tools, in the order of the case. If abstaining is right, return ()."""
    options = case.expect.any_of if isinstance(case.expect, ExpectCall) else ()
    return tuple(dict.fromkeys(spec.name for option in options for spec in option.calls))


def stratum(case: Case) -> str:
    """Return the stratum of a case: the kind of the expected call, or the reason to abstain."""
    if not isinstance(case.expect, ExpectCall):
        return case.expect.reason
    if any(len(option.calls) > 1 for option in case.expect.any_of):
        return "parallel calls"
    return "call" if len(expected_tools(case)) == 1 else "call, several tools right"


def user_text(case: Case) -> str:
    """Return the text of all turns of the user. Each turn begins on a new line."""
    return "\n".join(message.content for message in case.messages if message.role == "user")
