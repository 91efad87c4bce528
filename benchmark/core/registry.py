"""Finds plug-ins by their entry points.

Dialects, readers, generators, trainers, renderers and commands are plug-ins. The built-in plug-ins are registered in
`pyproject.toml`. Other packages register their plug-ins in their own `pyproject.toml`. A plug-in is imported only when
`load` is called with its name.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

from toolmark.benchmark.core.errors import EnvironmentFault, InputError

__all__ = ["Group", "load", "names", "nearest", "renderer_for", "similar", "target"]

Group = Literal[
    "toolmark.commands",
    "toolmark.dialects",
    "toolmark.generators",
    "toolmark.models",
    "toolmark.readers",
    "toolmark.renderers",
    "toolmark.trainers",
]


@cache
def _entry_points(group: Group) -> dict[str, EntryPoint]:
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda point: point.name)}


def names(group: Group) -> tuple[str, ...]:
    """Return the sorted names of the plug-ins in a group. No plug-in is imported."""
    return tuple(_entry_points(group))


def target(group: Group, name: str) -> str:
    """Return where a plug-in is defined, as `module:attribute`. The plug-in is not imported."""
    return _entry_points(group)[name].value


def load(group: Group, name: str) -> Any:
    """Import the plug-in with this name, and return it.

    Raises:
        InputError: The group has no plug-in with this name. The message lists the most similar names.
        EnvironmentFault: A package that the plug-in needs is not installed.
    """
    try:
        point = _entry_points(group)[name]
    except KeyError:
        kind = group.removeprefix("toolmark.").removesuffix("s")
        raise InputError(f"no {kind} is named {name!r}", nearest(name, names(group))) from None
    try:
        return point.load()
    except ModuleNotFoundError as error:
        extra = "train" if group == "toolmark.trainers" else "local"
        raise EnvironmentFault(
            f"the plug-in {name!r} ({point.value}) needs the package {error.name!r}, which is not installed",
            f"Install it: pip install 'toolmark[{extra}]'",
        ) from error


def renderer_for(out: str) -> Any:
    """Return the renderer that writes a report to this path. Each renderer lists the suffixes of its paths.

    If suffixes of several renderers match, the longest suffix decides. The suffix `/` matches an existing folder, or a
    path that ends in a slash.

    Raises:
        InputError: No suffix matches.
    """
    text = f"{out.rstrip('/')}/" if out.endswith("/") or Path(out).is_dir() else out
    by_suffix = {
        suffix: name for name in names("toolmark.renderers") for suffix in load("toolmark.renderers", name).suffixes
    }
    fitting = [suffix for suffix in by_suffix if text.lower().endswith(suffix)]
    if not fitting:
        raise InputError(
            f"no report can be written to {out!r}, because the path has no known suffix",
            f"End the path with one of these: {', '.join(sorted(by_suffix))} (/ writes a site to a folder).",
        )
    return load("toolmark.renderers", by_suffix[max(fitting, key=len)])()


def similar(name: str, known: Sequence[str]) -> list[str]:
    """Return at most three known names that are most similar to a name."""
    return difflib.get_close_matches(name, known, n=3, cutoff=0.5)


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Return a suggestion for an unknown name: the most similar known names, or all known names."""
    close = similar(name, known)
    if close:
        return "Did you mean " + " or ".join(close) + "?"
    return "The known names are: " + (", ".join(known) or "none")
