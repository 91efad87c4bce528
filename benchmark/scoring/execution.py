"""Runs the calls that are permitted to run. Equal calls of a pure tool run only once.

Only trusted implementations run: those of the tools in the catalog, and those of the tools that the user named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Literal, Self

from toolmark.benchmark.core.hashing import canonical_json
from toolmark.benchmark.data.cases import Case, Effects, Tool
from toolmark.benchmark.tools.sandbox import CallLimits, Result, Sandbox
from toolmark.benchmark.tools.trusted_tools import TrustedTools, untrusted_note

__all__ = ["Execute", "Executor"]

Execute = Literal["pure", "read", "all"]
"""Value of `--execute`, which says which tools are allowed to run. `pure`: only pure tools. `read`: tools that read,
too. `all`: all tools.
"""

_ALLOWED: Mapping[Execute, frozenset[Effects]] = {
    "pure": frozenset({"pure"}),
    "read": frozenset({"pure", "read"}),
    "all": frozenset({"pure", "read", "write"}),
}

_NETWORK_SECONDS = 30.0
"""Time limit of a call of a tool with effects, in seconds. Such a tool perhaps waits for the network."""


class Executor:
    """Runs permitted calls in sandboxes and stores the results of pure calls.

    Use an executor in a `with` statement. A pure tool runs in a worker process without access to files and network. A
    tool with effects runs in a second worker process, which can access files and network.

    Args:
        execute: Which tools are allowed to run. See `Execute`.
        named: The tools that the user named, for example with `--tools`. Other tools run only if they are tools of the
            catalog.
        trust_data: Whether to run the tools in the data, too. The data names the code of these tools.
        once: Whether to run equal calls of a tool with effects only once. Equal calls of a pure tool always run only
            once.
    """

    def __init__(
        self,
        execute: Execute = "pure",
        named: Iterable[Tool] = (),
        *,
        trust_data: bool = False,
        once: bool = False,
    ) -> None:
        self._allowed = _ALLOWED[execute]
        self._trusted = TrustedTools(named, data=trust_data)
        self._once = once
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
        """Return whether `tool` is allowed to run: its implementation is trusted, and has only permitted effects."""
        return self._permitted(tool) is not None

    def _permitted(self, tool: Tool) -> Tool | None:
        trusted = self._trusted.of(tool)
        return trusted if trusted is not None and trusted.effects in self._allowed else None

    def run(self, tool: Tool, arguments: Mapping[str, Any]) -> Result:
        """Run a call and return its result. An error of the tool is a result, too.

        Raises:
            LookupError: The call is not allowed to run.
        """
        permitted = self._permitted(tool)
        if permitted is None:
            raise LookupError(tool.name)
        sandbox = self._confined if permitted.effects == "pure" else self._released
        if permitted.effects != "pure" and not self._once:
            return sandbox.run(permitted, arguments)
        key = canonical_json([permitted.run, dict(arguments)])
        if key not in self._results:
            self._results[key] = sandbox.run(permitted, arguments)
        return self._results[key]

    def value(self, tool: Tool, arguments: Mapping[str, Any]) -> Any:
        """Run a call of a pure tool and return the value that the tool returned.

        Raises:
            LookupError: The call is not allowed to run, or the call failed.
        """
        permitted = self._permitted(tool)
        if permitted is None or permitted.effects != "pure":
            raise LookupError(tool.name)
        result = self.run(tool, arguments)
        if result.kind != "ok":
            raise LookupError(result.error)
        return result.value

    def note_on_untrusted(self, cases: Iterable[Case]) -> str | None:
        """Return a line for the user about tools that do not run, because they are not in `--tools`.

        Return None if there are no such tools.
        """
        tools = (tool for case in cases for tool in case.toolbox.tools)
        return untrusted_note(
            tool
            for tool in tools
            if tool.run is not None and tool.effects in self._allowed and self._trusted.of(tool) is None
        )
