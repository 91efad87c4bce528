"""Plug-ins, found by their entry points.

The built-in dialects, readers, generators, trainers, renderers and commands are registered in `pyproject.toml`. Third
parties register their plug-ins in their own `pyproject.toml`. Some packages may not import each other. They can use
each other's plug-ins only through the entry points. A plug-in is imported only when `load` is called with its name.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

from toolmark.benchmark.core.errors import EnvironmentFault, InputError

__all__ = ["Group", "load", "names", "nearest", "renderer_for", "target"]

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
    """The sorted names that are registered in a group. No plug-in is imported."""
    return tuple(_entry_points(group))


def target(group: Group, name: str) -> str:
    """The object that `name` registers, as `module:attribute`. No plug-in is imported."""
    return _entry_points(group)[name].value


def load(group: Group, name: str) -> Any:
    """Import and return the object that `name` registers in `group`.

    Raises:
        InputError: There is no such name. The message lists the most similar names.
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
    """The renderer for a path. If several renderers have a suffix of the path, the longest suffix decides.

    The suffix `/` stands for an existing folder, or for a path that ends in a slash.

    Raises:
        InputError: No renderer has such a suffix.
    """
    text = f"{out.rstrip('/')}/" if out.endswith("/") or Path(out).is_dir() else out
    by_suffix = {
        suffix: name for name in names("toolmark.renderers") for suffix in load("toolmark.renderers", name).suffixes
    }
    fitting = [suffix for suffix in by_suffix if text.lower().endswith(suffix)]
    if not fitting:
        raise InputError(
            f"{out!r} does not end in the suffix of a report",
            f"End the path in one of {', '.join(sorted(by_suffix))} (/ stands for a folder, which gets a site).",
        )
    return load("toolmark.renderers", by_suffix[max(fitting, key=len)])()


def nearest(name: str, known: tuple[str, ...]) -> str:
    """A suggestion for an unknown name. The text lists the most similar known names, or all known names."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return "Did you mean " + " or ".join(close) + "?"
    return "Known: " + (", ".join(known) or "none")
