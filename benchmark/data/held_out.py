"""Reads which queries and tools must not be in training data, so that test cases are new to a trained model.

The file `MANIFEST.toml` of the test cases lists the hashes of their queries, and the names of the held-out tools. Only
this file is read, because a trainer must not open the test cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.regular_files import regular
from toolmark.benchmark.core.user_toml import toml_table
from toolmark.benchmark.data.cases import query_hash
from toolmark.benchmark.data.traces import Trace

__all__ = ["HeldOut", "held_out", "shipped_manifest"]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The names of tools and the hashes of queries that training data must not contain. Both can be empty."""

    tools: frozenset[str] = frozenset()
    queries: frozenset[str] = frozenset()

    def leak(self, trace: Trace) -> str | None:
        """Return why `trace` must not be used for training. Return None if `trace` can be used.

        A trace must not contain a test query, and must not offer or call a held-out tool.
        """
        used = {call.name for message in trace.messages for call in message.tool_calls}
        if leaked := self.tools & (used | {tool.name for tool in trace.tools}):
            return f"the tool {min(leaked)} is held out"
        queries = (message.content for message in trace.messages if message.role == "user")
        if bool(self.queries) and any(query_hash(text) in self.queries for text in queries):
            return "the question is a test query"
        return None


def shipped_manifest() -> Path | None:
    """Return the path of the manifest of the shipped cases, or None if the suites are not installed."""
    spec = find_spec("toolmark.suites")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / "cases" / "MANIFEST.toml"
        if path.is_file():
            return path
    return None


def held_out(manifest: Path | None) -> HeldOut:
    """Return what a manifest lists. If `manifest` is None, nothing is held out.

    Raises:
        InputError: The manifest cannot be read, is not TOML, or does not contain lists of strings.
    """
    if manifest is None:
        return HeldOut()
    try:
        table = toml_table(regular(manifest).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"the manifest {manifest} cannot be read: {error.strerror}", "Give the path of a file that you can read."
        ) from None
    except ValueError as error:
        raise InputError(f"the manifest {manifest} is not TOML: {error}", "Correct the syntax of the file.") from None
    section = table.get("test_queries", {})
    lists = table.get("held_out_tools", []), section.get("hashes", []) if isinstance(section, dict) else section
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        raise InputError(
            f"the manifest {manifest} does not contain lists of strings",
            'Write held_out_tools = ["NAME"], and hashes = ["HASH"] below [test_queries].',
        )
    return HeldOut(*map(frozenset, lists))
