"""Runs the permitted calls. If several calls of a pure tool are equal, the tool runs only once."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, Self

from toolmark.benchmark.core.hashing import canonical_json
from toolmark.benchmark.data.cases import Effects, Tool
from toolmark.benchmark.tools.sandbox import CallLimits, Result, Sandbox

__all__ = ["Execute", "Executor"]

Execute = Literal["pure", "read", "all"]
"""Value of `--execute`: tools with effects up to this level may run."""

_ALLOWED: Mapping[Execute, frozenset[Effects]] = {
    "pure": frozenset({"pure"}),
    "read": frozenset({"pure", "read"}),
    "all": frozenset({"pure", "read", "write"}),
}

_NETWORK_SECONDS = 30.0
"""Time limit of a tool with effects, which may wait for a file or for the network."""


class Executor:
    """Runs permitted calls in sandboxes and stores the results of pure calls. It is a context manager.

    A pure tool runs in a worker process without access to files and network. A tool with effects needs files or
    network, so the tool runs in a second worker process. The second process has the same limits but can access files
    and network.

    Args:
        execute: Tools with effects up to this level may run.
    """

    def __init__(self, execute: Execute = "pure") -> None:
        self._allowed = _ALLOWED[execute]
        self._confined = Sandbox()
        self._released = Sandbox(CallLimits(seconds=_NETWORK_SECONDS, confined=False))
        self._results: dict[str, Result] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._confined.close()
        self._released.close()

    def may_run(self, tool: Tool) -> bool:
        """Whether `tool` has an implementation and the effects of `tool` are permitted."""
        return tool.run is not None and tool.effects in self._allowed

    def run(self, tool: Tool, arguments: Mapping[str, Any]) -> Result:
        """Run a call. Raises `LookupError` if the call may not run."""
        if not self.may_run(tool):
            raise LookupError(tool.name)
        if tool.effects != "pure":
            return self._released.run(tool, arguments)
        key = canonical_json([tool.run, dict(arguments)])
        if key not in self._results:
            self._results[key] = self._confined.run(tool, arguments)
        return self._results[key]

    def value(self, tool: Tool, arguments: Mapping[str, Any]) -> Any:
        """Run a pure call and return its value. Raises `LookupError` if the call may not run or if the call fails."""
        if tool.effects != "pure":
            raise LookupError(tool.name)
        result = self.run(tool, arguments)
        if result.kind != "ok":
            raise LookupError(result.error)
        return result.value
