"""`toolmark.json`: what stands beside trained weights, so that nobody must trust their name.

It says by which command the weights were made, from which data, and how training went, and carries the SHA-256 of the
weights themselves. Whoever loads a candidate can therefore tell whether these are the recorded weights, and whether a
tool was part of the training data.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from toolmark.benchmark.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RECORD", "Base", "Data", "Record", "versions"]

RECORD = "toolmark.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Base(_Part):
    """The model that an adapter was trained on; `weights` is `fingerprint.hash_files` over it."""

    id: str
    weights: str


class Data(_Part):
    """The trace dataset: command that wrote it, hash of its manifest, how many conversations were read, whose tools.

    `tools` lists the schema hash of every tool that training saw. It is None where tools were made anew for each
    conversation; `tools_made_by` then says by what.
    """

    made_by: str | None = None
    manifest_sha256: str | None = None
    conversations: int
    tools: tuple[str, ...] | None = None
    tools_made_by: str | None = None


class Record(_Part):
    """The content of `toolmark.json`; `name` is that of the folder it was written to."""

    name: str = ""
    trainer: str
    command: str
    seed: int
    options: dict[str, JsonValue]
    base: Base | None = None
    dialects: tuple[str, ...]
    template_sha256: str
    data: Data
    weights_sha256: str
    tokens: int
    seconds: float
    losses: dict[str, float]
    versions: dict[str, str]
    curve: list[Mapping[str, float]] = Field(max_length=1000)
    chosen_step: int | None = None

    def write(self, folder: Path) -> None:
        """Write `toolmark.json` into `folder`."""
        (folder / RECORD).write_text(self.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Record:
        """Read the `toolmark.json` of `folder`.

        Raises:
            InputError: There is none, or it is no record.
        """
        path = folder / RECORD
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise InputError(f"{str(folder)!r} has no {RECORD}", "Name a folder that `toolmark train` wrote.") from None
        except ValidationError as error:
            raise InputError(
                f"{str(path)!r} is no training record: {error.errors()[0]['msg']}",
                "Train again, or take the file from where the weights came from.",
            ) from error


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python and of the named packages; a package that is not installed is left out."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
