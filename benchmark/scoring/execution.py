"""Which calls may run, and their results, each distinct call once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from benchmark.cases import Effects, Tool, canonical_json
from benchmark.tools.sandbox import Result, Sandbox

__all__ = ["Execute", "Executor"]

Execute = Literal["pure", "read", "all"]
"""`--execute`: the effects up to which tools may run."""

_ALLOWED: Mapping[Execute, frozenset[Effects]] = {
    "pure": frozenset({"pure"}),
    "read": frozenset({"pure", "read"}),
    "all": frozenset({"pure", "read", "write"}),
}


class Executor:
    """Runs permitted calls in a sandbox and remembers the results of pure ones."""

    def __init__(self, sandbox: Sandbox, execute: Execute = "pure") -> None:
        self._sandbox = sandbox
        self._allowed = _ALLOWED[execute]
        self._known: dict[str, Result] = {}

    def may_run(self, tool: Tool) -> bool:
        """Has `tool` an implementation, and may its effects happen?"""
        return tool.run is not None and tool.effects in self._allowed

    def run(self, tool: Tool, arguments: Mapping[str, Any]) -> Result:
        """Run a call. Raises `LookupError` where it may not run."""
        if not self.may_run(tool):
            raise LookupError(tool.name)
        if tool.effects != "pure":
            return self._sandbox.run(tool, arguments)
        key = canonical_json([tool.run, dict(arguments)])
        if key not in self._known:
            self._known[key] = self._sandbox.run(tool, arguments)
        return self._known[key]

    def value(self, tool: Tool, arguments: Mapping[str, Any]) -> Any:
        """Value of a pure call that runs. Raises `LookupError` where it may not run or fails."""
        if tool.effects != "pure":
            raise LookupError(tool.name)
        result = self.run(tool, arguments)
        if result.kind != "ok":
            raise LookupError(result.error)
        return result.value
