"""Checks and their findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from toolmark.benchmark.core.errors import ToolmarkError
from toolmark.benchmark.core.printing import brief

__all__ = ["Check", "Finding", "State", "brief", "ok", "problem", "run_checks", "warning"]

State = Literal["ok", "warning", "problem"]
"""`ok`: There is nothing to do. `warning`: Toolmark runs, but something is missing or slow. `problem`: A run would
fail.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        state: How serious the finding is.
        found: What was found, with the measured values, as a sentence without a full stop.
        advice: A sentence that says what to do, with the exact command or setting. Empty if there is nothing to do.
    """

    state: State
    found: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.found.rstrip('.')}. {self.advice}" if self.advice else self.found


Check = tuple[str, Callable[[], Finding]]
"""The name of a check, and the function that makes the check."""


def ok(found: str) -> Finding:
    """Return a finding that needs no advice."""
    return Finding("ok", found)


def warning(found: str, advice: str) -> Finding:
    """Return a finding that does not prevent a run, but needs advice."""
    return Finding("warning", found, advice)


def problem(found: str, advice: str) -> Finding:
    """Return a finding that prevents a run."""
    return Finding("problem", found, advice)


def run_checks(checks: Iterable[Check], begun: Callable[[str], None] = lambda _: None) -> Iterator[tuple[str, Finding]]:
    """Run checks one after the other, and yield the name and the finding of each check.

    If a check raises an error, the error becomes the finding of the check. The next checks still run.

    Args:
        checks: The checks. If `checks` is a generator, it can choose the next check after the previous check has run.
        begun: Called with the name of each check before the check begins.
    """
    for name, check in checks:
        begun(name)
        try:
            found = check()
        except ToolmarkError as error:
            found = problem(brief(error.what), brief(error.fix))
        except MemoryError:
            found = problem("the memory is used up", "Close other programs. If a server was asked, check its replies.")
        except Exception as error:  # On a broken machine, a check can raise any error.
            found = problem(
                f"the check failed: {type(error).__name__}: {brief(error)}",
                "Install Toolmark again in a new environment. If this does not help, report the line as a defect.",
            )
        yield name, found
