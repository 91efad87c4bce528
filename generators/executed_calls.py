"""Run the tool calls of a generation, and list the tools that are allowed to run.

Each call is requested twice: first by the generator, which needs the result, and then by the stage `execution`, which
checks the result. The executor keeps the results, so each distinct call runs only once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.data.cases import Tool, Toolbox
from toolmark.benchmark.scoring.execution import Execute, Executor
from toolmark.benchmark.tools.sandbox import Result

__all__ = ["ExecutedCalls", "execution_summary"]

_MOST_NAMES = 8


class ExecutedCalls:
    """Runs the permitted calls. For other calls, the result says that the tool is not allowed to run.

    Args:
        executor: Runs a call in the sandbox, if the effects of the tool are permitted.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def may_run(self, tool: Tool) -> bool:
        """Return whether `tool` has a trusted implementation whose effects are permitted."""
        return self._executor.may_run(tool)

    def run(self, tool: Tool, arguments: Mapping[str, Any]) -> Result:
        """Return the result of a call. Its kind is `no_implementation` if the tool is not allowed to run."""
        try:
            return self._executor.run(tool, arguments)
        except LookupError:
            return Result(None, f"{tool.name} is not allowed to run here", "no_implementation")


def execution_summary(toolbox: Toolbox, execute: Execute) -> str:
    """Return one line that lists the tools that are allowed to run, and the other tools with the reasons."""
    may = Executor(execute, toolbox.tools)
    runs = [tool for tool in toolbox.tools if may.may_run(tool)]
    bare = [tool for tool in toolbox.tools if tool.run is None]
    held = [tool for tool in toolbox.tools if tool.run is not None and not may.may_run(tool)]
    widest = "all" if any(tool.effects == "write" for tool in held) else "read"
    parts = [f"executed: {_names_by_effect(runs)}"]
    if held:
        parts.append(f"not executed without --execute {widest}: {_names_by_effect(held)}")
    if bare:
        parts.append(f"without implementation: {_names_by_effect(bare)}")
    count = len(toolbox.tools)
    return f"{toolbox.name}: {count} tool{'' if count == 1 else 's'}; {'; '.join(parts)}"


def _names_by_effect(tools: list[Tool]) -> str:
    if not tools:
        return "none"
    kinds = ("pure", "read", "write")
    if len(tools) > _MOST_NAMES:
        counted = ((sum(tool.effects == kind for tool in tools), kind) for kind in kinds)
        return ", ".join(f"{count} {kind}" for count, kind in counted if count)
    listed = ((kind, [tool.name for tool in tools if tool.effects == kind]) for kind in kinds)
    return ", ".join(f"{', '.join(names)} ({kind})" for kind, names in listed if names)
