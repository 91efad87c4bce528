"""Writes the paths of a candidate in a form that is valid on another machine.

The shipped models are part of the package Toolmark, and some aliases stand for files of other packages. These packages
are in other folders on another machine. All other paths stay as they are: the same path must exist on both machines.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.core.user_paths import expanded

__all__ = ["on_this_machine", "portable"]


def _folders() -> dict[str, Path]:
    """Return the folders that are different on each machine, by the name that stands for them."""
    return {"{toolmark}": Path(str(files("toolmark.benchmark"))), "{packages}": Path(sysconfig.get_path("purelib"))}


def portable(candidate: Candidate) -> Candidate:
    """Return the candidate with names in place of the folders of packages, and with absolute paths."""

    def named(path: str) -> str:
        absolute = expanded(path).absolute()
        for name, folder in _folders().items():
            if absolute.is_relative_to(folder):
                return str(Path(name, absolute.relative_to(folder)))
        return str(absolute)

    return _with_paths(candidate, named, lambda path: expanded(path).exists())


def on_this_machine(candidate: Candidate) -> Candidate:
    """Return a candidate of `portable` with the folders of this machine."""

    def found(path: str) -> str:
        first, *rest = Path(path).parts
        return str(Path(_folders()[first], *rest))

    return _with_paths(candidate, found, lambda path: Path(path).parts[0] in _folders())


def _with_paths(candidate: Candidate, change: Callable[[str], str], is_changed: Callable[[str], bool]) -> Candidate:
    """Return the candidate with changed paths. The adapter can also be a hub id, which is not changed."""
    base, adapter = candidate.base, candidate.adapter
    if candidate.kind == "local" and is_changed(base):
        base = change(base)
    if adapter is not None and is_changed(adapter):
        adapter = change(adapter)
    return replace(candidate, base=base, adapter=adapter)
