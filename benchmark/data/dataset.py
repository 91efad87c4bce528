"""A trace dataset on disk, in the format of `toolmark generate`.

The dataset consists of conversations and a manifest, which records how the conversations were made.

Only `traces/` and `manifest.json` are opened, so that a trainer reads no file of test cases.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolmark.benchmark.core.command_line import flags
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.data.cases import Message, Tool, Toolbox
from toolmark.benchmark.data.traces import Trace

__all__ = ["TraceDataset"]

_REMAKE = "Write one with: toolmark generate template --out DIR"


@dataclass(frozen=True)
class TraceDataset:
    """A trace dataset.

    Attributes:
        path: Its folder.

    Raises:
        InputError: The folder contains no trace dataset.
        EnvironmentFault: The package that reads trace datasets is not installed.
    """

    path: Path

    def __post_init__(self) -> None:
        if not (self.path / "traces").is_dir():
            raise InputError(f"{str(self.path)!r} is not a trace dataset: it has no folder 'traces'", _REMAKE)

    @cached_property
    def _splits(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        try:
            from datasets import DatasetDict, load_from_disk  # type: ignore[import-untyped]
        except ModuleNotFoundError as error:
            raise EnvironmentFault(
                f"reading a trace dataset needs the package {error.name!r}, which is not installed",
                "Install it: pip install 'toolmark[generate]'",
            ) from error
        folder = self.path / "traces"
        try:
            dataset = load_from_disk(folder)
        except (OSError, ValueError, LookupError, TypeError) as error:
            # `datasets` can save a split without rows, but cannot read such a split.
            reason = "it is damaged, or a split is empty" if isinstance(error, LookupError | TypeError) else str(error)
            raise InputError(f"{str(folder)!r} is not a trace dataset: {reason}", _REMAKE) from error
        if not isinstance(dataset, DatasetDict):
            raise InputError(f"{str(folder)!r} is a single split and not a dataset with splits", _REMAKE)
        splits: Mapping[str, Sequence[Mapping[str, Any]]] = dataset
        return splits

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits."""
        return tuple(self._splits)

    def rows(self, split: str = "train") -> Sequence[Mapping[str, Any]]:
        """The rows of a split, in the order in which they were written.

        Raises:
            InputError: There is no such split, or it is empty.
        """
        if split not in self._splits:
            existing = ", ".join(self._splits) or "none"
            raise InputError(
                f"{str(self.path / 'traces')!r} has no split {split!r}", f"Its splits are: {existing}. {_REMAKE}"
            )
        if not len(self._splits[split]):
            raise InputError(f"the split {split!r} of {str(self.path)!r} is empty", "Generate more traces.")
        return self._splits[split]

    def traces(self, split: str = "train") -> Iterator[Trace]:
        """The conversations of a split.

        Raises:
            InputError: The same errors as `rows`, or a row is not a conversation.
        """
        return map(self.trace, self.rows(split))

    def trace(self, row: Mapping[str, Any]) -> Trace:
        """The conversation of a row, without its case.

        Raises:
            InputError: The row is not a conversation.
        """
        try:
            listed = (tool.get("function", tool) for tool in json.loads(row["tools"] or "[]"))
            shown = (
                {key: tool[key] for key in ("name", "description", "parameters") if tool.get(key) is not None}
                for tool in listed
            )
            turns = row["messages"]
            turns = json.loads(turns) if isinstance(turns, str) else turns
            return Trace(
                messages=tuple(map(Message.model_validate, turns)),
                toolbox=Toolbox(name="offered", tools=tuple(map(Tool.model_validate, shown))),
                query=row["query"],
                query_type=row["query_type"],
                tool_name=row["tool_name"],
                source=row["source"],
            )
        except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else repr(error)
            what = f"a row of {str(self.path / 'traces')!r} is not a conversation: {reason}"
            raise InputError(what, _REMAKE) from None

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The content of `manifest.json`. It is empty if the file does not exist or cannot be read."""
        try:
            content = json.loads((self.path / "manifest.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def manifest_hash(self) -> str | None:
        """The SHA-256 of `manifest.json`, or None if the file does not exist."""
        file = self.path / "manifest.json"
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None

    @property
    def made_by(self) -> str | None:
        """The command that makes this dataset again. None if the manifest does not record the command."""
        try:
            given = {**self.manifest["options"], "seed": self.manifest["seed"], "out": self.path.name}
            given |= {"execute": self.manifest["execute"]} if "execute" in self.manifest else {}
            return shlex.join(["toolmark", "generate", self.manifest["generator"], *flags(given)])
        except (KeyError, TypeError, AttributeError):
            return None
