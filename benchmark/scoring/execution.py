"""Which calls may run, and their results, each distinct call once."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, Self

from toolmark.benchmark.core.hashing import canonical_json
from toolmark.benchmark.data.cases import Effects, Tool
from toolmark.benchmark.tools.sandbox import CallLimits, Result, Sandbox

__all__ = ["Execute", "Executor"]

Execute = Literal["pure", "read", "all"]
"""`--execute`: the effects up to which tools may run."""

_ALLOWED: Mapping[Execute, frozenset[Effects]] = {
    "pure": frozenset({"pure"}),
    "read": frozenset({"pure", "read"}),
    "all": frozenset({"pure", "read", "write"}),
}

_NETWORK_SECONDS = 30.0
"""A tool that may touch the world waits for others."""


class Executor:
    """Runs permitted calls in sandboxes and remembers the results of pure ones; a context manager.

    A tool that may touch the world needs files or the network, so it runs in a second worker that is limited but not
    confined; a pure one never does.

    Args:
        execute: Effects up to which tools may run.
    """

    def __init__(self, execute: Execute = "pure") -> None:
        self._allowed = _ALLOWED[execute]
        self._confined = Sandbox()
        self._released = Sandbox(CallLimits(seconds=_NETWORK_SECONDS, confined=False))
        self._known: dict[str, Result] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._confined.close()
        self._released.close()

    def may_run(self, tool: Tool) -> bool:
        """Has `tool` an implementation, and may its effects happen?"""
        return tool.run is not None and tool.effects in self._allowed

    def run(self, tool: Tool, arguments: Mapping[str, Any]) -> Result:
        """Run a call. Raises `LookupError` where it may not run."""
        if not self.may_run(tool):
            raise LookupError(tool.name)
        if tool.effects != "pure":
            return self._released.run(tool, arguments)
        key = canonical_json([tool.run, dict(arguments)])
        if key not in self._known:
            self._known[key] = self._confined.run(tool, arguments)
        return self._known[key]

    def value(self, tool: Tool, arguments: Mapping[str, Any]) -> Any:
        """Value of a pure call that runs. Raises `LookupError` where it may not run or fails."""
        if tool.effects != "pure":
            raise LookupError(tool.name)
        result = self.run(tool, arguments)
        if result.kind != "ok":
            raise LookupError(result.error)
        return result.value
