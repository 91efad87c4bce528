"""Checks which limits this machine can set for tools."""

from __future__ import annotations

from toolmark.benchmark.doctor.findings import Finding, ok, warning
from toolmark.benchmark.tools.sandbox import missing_limits

__all__ = ["sandbox_finding"]


def sandbox_finding() -> Finding:
    """Check whether the system limits what a pure tool can reach."""
    if missing := missing_limits():
        advice = "Run only tools that you trust, or use Linux 5.13 or later with Landlock and seccomp."
        return warning("; ".join(missing), advice)
    return ok("the system keeps pure tools from files, network and other processes")
