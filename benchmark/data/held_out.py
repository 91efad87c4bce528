"""What must not be in training data: the queries that suites test on, and the tools held out as unseen.

The manifest of the authored cases names both: hashes of queries, never the queries. It is read as a file, not
imported: no room imports another, and nothing else in that folder is opened.
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
    """Tools and query hashes that training data may not contain; empty where nothing is held out."""

    tools: frozenset[str] = frozenset()
    queries: frozenset[str] = frozenset()

    def leak(self, trace: Trace) -> str | None:
        """What of `trace` must not be trained on: a test query, or a held-out tool that it offers or calls."""
        used = {call.name for message in trace.messages for call in message.tool_calls}
        if found := self.tools & (used | {tool.name for tool in trace.tools}):
            return f"the tool {min(found)} is held out"
        asked = (message.content for message in trace.messages if message.role == "user")
        if bool(self.queries) and any(query_hash(text) in self.queries for text in asked):
            return "it asks a test query"
        return None


def shipped_manifest() -> Path | None:
    """The manifest of the authored cases, where it is installed."""
    spec = find_spec("toolmark.suites")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / "cases" / "MANIFEST.toml"
        if path.is_file():
            return path
    return None


def held_out(manifest: Path | None) -> HeldOut:
    """Read `manifest`; None holds nothing out.

    Raises:
        InputError: It cannot be read, or is not TOML.
    """
    if manifest is None:
        return HeldOut()
    try:
        table = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the manifest {manifest} cannot be read: {error.strerror}", "Name a readable file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the manifest {manifest} is not TOML: {error}", "Correct its syntax.") from None
    queries = table.get("test_queries", {}).get("hashes", [])
    return HeldOut(frozenset(table.get("held_out_tools", [])), frozenset(queries))
