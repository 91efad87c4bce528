"""The queries and tools that must not be in training data, so that the test cases stay new to a model.

The manifest of the authored cases lists the hashes of the test cases' queries, and the tools that a model must not see
in training. The manifest is read as a file, so that this package does not import the suites. No other file of the
manifest's folder is opened.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import query_hash
from toolmark.benchmark.data.traces import Trace

__all__ = ["HeldOut", "held_out", "shipped_manifest"]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Tool names and query hashes that training data must not contain. Both may be empty."""

    tools: frozenset[str] = frozenset()
    queries: frozenset[str] = frozenset()

    def leak(self, trace: Trace) -> str | None:
        """The reason why `trace` must not be used for training. None if `trace` may be used.

        A trace must not contain a test query, and must not offer or call a held-out tool.
        """
        used = {call.name for message in trace.messages for call in message.tool_calls}
        if leaked := self.tools & (used | {tool.name for tool in trace.tools}):
            return f"the tool {min(leaked)} is held out"
        queries = (message.content for message in trace.messages if message.role == "user")
        if bool(self.queries) and any(query_hash(text) in self.queries for text in queries):
            return "it asks a test query"
        return None


def shipped_manifest() -> Path | None:
    """The path of the manifest of the authored cases. None if the suites are not installed."""
    spec = find_spec("toolmark.suites")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / "cases" / "MANIFEST.toml"
        if path.is_file():
            return path
    return None


def held_out(manifest: Path | None) -> HeldOut:
    """Read a manifest. Without a manifest, all queries and tools are allowed in training data.

    Raises:
        InputError: The manifest cannot be read, or is not TOML.
    """
    if manifest is None:
        return HeldOut()
    try:
        table = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the manifest {manifest} cannot be read: {error.strerror}", "Name a readable file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the manifest {manifest} is not TOML: {error}", "Correct the syntax of the file.") from None
    queries = table.get("test_queries", {}).get("hashes", [])
    return HeldOut(frozenset(table.get("held_out_tools", [])), frozenset(queries))
