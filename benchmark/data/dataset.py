"""Reads a trace dataset that `toolmark generate` wrote to a folder.

The dataset consists of conversations in `traces/` and of `manifest.json`, which records how the conversations were
made. No other file of the folder is opened, because a trainer must not read test cases.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolmark.benchmark.core.command_line import flags
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.hashing import digest, file_hash
from toolmark.benchmark.core.regular_files import check_folder, regular
from toolmark.benchmark.core.strict_json import check_json, strict_json
from toolmark.benchmark.core.user_paths import did_you_mean
from toolmark.benchmark.data.cases import Message, Tool, Toolbox
from toolmark.benchmark.data.traces import Trace

__all__ = ["TraceDataset"]

_REMAKE = "Write one with: toolmark generate template --out DIR"


@dataclass(frozen=True)
class TraceDataset:
    """A trace dataset.

    Attributes:
        path: The folder of the dataset.

    Raises:
        InputError: The folder contains no trace dataset.
        EnvironmentFault: The package that reads trace datasets is not installed.
    """

    path: Path

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            fix = _REMAKE if self.path.exists() else did_you_mean(self.path, _REMAKE)
            raise InputError(f"there is no trace dataset at {str(self.path)!r}, because it is not a folder", fix)
        if not (self.path / "traces").is_dir():
            raise InputError(f"{str(self.path)!r} is not a trace dataset: it has no folder 'traces'", _REMAKE)

    @cached_property
    def _splits(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        try:
            from datasets import DatasetDict, load_from_disk  # type: ignore[import-untyped]
        except ModuleNotFoundError as error:
            raise EnvironmentFault(
                f"to read a trace dataset, the package {error.name!r} is needed, but it is not installed",
                "Install it: pip install 'toolmark[generate]'",
            ) from error
        folder = self.path / "traces"
        check_folder(folder, "**/*")
        try:
            dataset = load_from_disk(folder)
            for split in dataset.values() if isinstance(dataset, DatasetDict) else ():
                split.data.validate(full=True)  # Reading a damaged table can crash the process.
        except Exception as error:  # For a damaged file, the library `datasets` can raise any error.
            # The library can save a split without rows, but cannot read such a split.
            known = isinstance(error, OSError | ValueError) and str(error)
            reason = " ".join(str(error).split())[:200] if known else "it is damaged, or a split is empty"
            raise InputError(f"{str(folder)!r} is not a trace dataset: {reason}", _REMAKE) from None
        if not isinstance(dataset, DatasetDict):
            raise InputError(f"{str(folder)!r} contains only one split, not a dataset with splits", _REMAKE)
        splits: Mapping[str, Sequence[Mapping[str, Any]]] = dataset
        return splits

    @property
    def splits(self) -> tuple[str, ...]:
        """Return the names of the splits."""
        return tuple(self._splits)

    def rows(self, split: str = "train") -> Sequence[Mapping[str, Any]]:
        """Return the rows of a split, in the order in which the rows were written.

        Raises:
            InputError: The split does not exist, or is empty.
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
        """Return the conversations of a split.

        Raises:
            InputError: The split does not exist or is empty, or a row is not a conversation.
        """
        for read in self.conversations(split):
            if isinstance(read, InputError):
                raise read
            yield read[1]

    def conversations(self, split: str) -> Iterator[tuple[Mapping[str, Any], Trace] | InputError]:
        """Yield each row of a split with its conversation. Yield an error for a row that is not a conversation.

        Raises:
            InputError: The split does not exist or is empty.
        """
        rows = self.rows(split)
        for index in range(len(rows)):
            place = f"row {index} of the split {split} of {str(self.path / 'traces')!r}"
            try:
                row = rows[index]
            except Exception as error:  # Reading a damaged row can raise any error.
                reason = " ".join(str(error).split())[:200] or type(error).__name__
                yield InputError(f"{place} cannot be read: {reason}", _REMAKE)
                continue
            try:
                yield row, self.trace(row, place)
            except InputError as error:
                yield error

    def trace(self, row: Mapping[str, Any], place: str = "a row") -> Trace:
        """Return the conversation of a row. The field `case` of the conversation is None.

        Args:
            row: The row.
            place: Where the row is, for an error.

        Raises:
            InputError: The row is not a conversation.
        """
        try:
            turns = row["messages"]
            turns = strict_json(turns) if isinstance(turns, str) else check_json(turns)
            return Trace(
                messages=tuple(map(Message.model_validate, turns)),
                toolbox=Toolbox(name="offered", tools=tuple(map(_tool, strict_json(row["tools"] or "[]")))),
                query=row["query"],
                query_type=row["query_type"],
                tool_name=row["tool_name"],
                source=row["source"],
            )
        except (ValidationError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{place} is not a conversation: {_reason(error)}", _REMAKE) from None

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """Return the content of `manifest.json`. The result is empty if the file does not exist or cannot be read."""
        try:
            content = strict_json(regular(self.path / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def manifest_hash(self) -> str | None:
        """Return the SHA-256 of `manifest.json`, or None if the file does not exist."""
        file = self.path / "manifest.json"
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None

    @property
    def rows_hash(self) -> str:
        """Return a hash of the rows of all splits, as 16 hexadecimal digits."""
        folder = self.path / "traces"
        return digest([[str(file.relative_to(folder)), file_hash(file)] for file in sorted(folder.rglob("*.arrow"))])

    @property
    def made_by(self) -> str | None:
        """Return the command that makes this dataset again, or None if the manifest does not record the command."""
        try:
            given = {**self.manifest["options"], "seed": self.manifest["seed"], "out": self.path.name}
            given |= {"execute": self.manifest["execute"]} if "execute" in self.manifest else {}
            return shlex.join(["toolmark", "generate", self.manifest["generator"], *flags(given)])
        except (KeyError, TypeError, AttributeError, ValueError):
            return None


def _tool(listed: Any) -> Tool:
    """Return a tool of the column `tools`. A tool is written in OpenAI's form, or as the plain object inside this form.

    Raises:
        AttributeError, ValueError: The object is not a tool.
    """
    tool = listed.get("function", listed)
    fields = {key: tool[key] for key in ("name", "description", "parameters") if tool.get(key) is not None}
    return Tool.model_validate(fields)


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
    if isinstance(error, KeyError):
        return f"it has no field {error}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
