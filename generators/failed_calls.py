"""Counts the calls that failed, and keeps the reasons."""

from __future__ import annotations

from collections import Counter

__all__ = ["FailedCalls"]

_MOST_REASONS = 1000
"""The number of different reasons that are kept for a tool. Some reasons contain values, so there can be many."""

_LONGEST_REASON = 200


class FailedCalls:
    """The failed calls of each tool."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._reasons: dict[str, Counter[str]] = {}

    def add(self, tool: str, reason: str) -> None:
        """Count a failed call.

        Args:
            tool: The name of the tool.
            reason: Why the call failed.
        """
        self._counts[tool] += 1
        reasons = self._reasons.setdefault(tool, Counter())
        reason = " ".join(reason.split())[:_LONGEST_REASON]
        if reason in reasons or len(reasons) < _MOST_REASONS:
            reasons[reason] += 1

    def lines(self) -> list[str]:
        """Return a line for each tool with failed calls: how many failed, and the most frequent reason.

        The tool with the most failed calls is first.
        """
        return [self._line(tool, count) for tool, count in self._counts.most_common()]

    def _line(self, tool: str, count: int) -> str:
        failed = "1 call failed" if count == 1 else f"{count:,} calls failed"
        ((reason, times),) = self._reasons[tool].most_common(1)
        if times == 1 < count:
            failed += ", for example"
        elif times < count:
            failed += f", {times:,} of them"
        return f"{tool}: {failed}: {reason}"
