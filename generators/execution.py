"""Which tools a generation executes, and each of their calls once.

A generator runs a call to know its result, and the judge wants to know whether it runs: the second one is told what the
first one saw. So a tool that changes the world is called once for each distinct call, however often it is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.core.hashing import canonical_json
from toolmark.benchmark.data.cases import Tool, Toolbox
from toolmark.benchmark.scoring.execution import Execute, Executor
from toolmark.benchmark.tools.sandbox import Result

__all__ = ["Calls", "announcement"]

_MOST_NAMES = 8


class Calls:
    """Runs permitted calls, each distinct one once.

    Args:
        executor: Runs them.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._known: dict[str, Result] = {}

    def may_run(self, tool: Tool) -> bool:
        """Has `tool` an implementation, and may its effects happen?"""
        return self._executor.may_run(tool)

    def run(self, tool: Tool, arguments: Mapping[str, Any]) -> Result:
        """Run a call, or tell its result again; of the kind `no_implementation` where it may not run."""
        if not self.may_run(tool):
            return Result(None, f"{tool.name} may not run here", "no_implementation")
        if tool.effects == "pure":
            return self._executor.run(tool, arguments)
        key = canonical_json([tool.run, dict(arguments)])
        if key not in self._known:
            self._known[key] = self._executor.run(tool, arguments)
        return self._known[key]


def announcement(toolbox: Toolbox, execute: Execute) -> str:
    """The line that comes before anything is run: which tools will be executed, and why the others will not."""
    may = Executor(execute)
    runs = [tool for tool in toolbox.tools if may.may_run(tool)]
    bare = [tool for tool in toolbox.tools if tool.run is None]
    held = [tool for tool in toolbox.tools if tool.run is not None and not may.may_run(tool)]
    widest = "all" if any(tool.effects == "write" for tool in held) else "read"
    parts = [f"executed: {_named(runs)}"]
    if held:
        parts.append(f"not executed: {_named(held)}; --execute {widest} runs {'them' if len(held) > 1 else 'it'}")
    if bare:
        parts.append(f"without implementation: {_named(bare)}")
    count = len(toolbox.tools)
    return f"{toolbox.name}: {count} tool{'' if count == 1 else 's'}; {'; '.join(parts)}"


def _named(tools: list[Tool]) -> str:
    if not tools:
        return "none"
    kinds = ("pure", "read", "write")
    if len(tools) > _MOST_NAMES:
        counted = ((sum(tool.effects == kind for tool in tools), kind) for kind in kinds)
        return ", ".join(f"{count} {kind}" for count, kind in counted if count)
    listed = ((kind, [tool.name for tool in tools if tool.effects == kind]) for kind in kinds)
    return ", ".join(f"{', '.join(names)} ({kind})" for kind, names in listed if names)
