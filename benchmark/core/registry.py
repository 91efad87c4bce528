"""Plug-ins by entry point: the only way in which one room reaches another that it may not import.

The built-in dialects, readers, generators, trainers, renderers and commands register in `pyproject.toml` exactly as a
third party's do. Nothing is imported until it is asked for by name.
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
def _found(group: Group) -> dict[str, EntryPoint]:
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda point: point.name)}


def names(group: Group) -> tuple[str, ...]:
    """Registered names of `group`, sorted; imports nothing."""
    return tuple(_found(group))


def target(group: Group, name: str) -> str:
    """Where `name` points, as `module:attribute`; imports nothing."""
    return _found(group)[name].value


def load(group: Group, name: str) -> Any:
    """Import and return the object that `name` registers in `group`.

    Raises:
        InputError: No such name; the message lists the nearest ones.
        EnvironmentFault: The plug-in is there, but a package that it needs is not.
    """
    try:
        point = _found(group)[name]
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
    """The renderer that writes to `out`: the one with the longest suffix that `out` ends in.

    A suffix `/` takes a folder: one that is there, or a path written with a slash at its end.

    Raises:
        InputError: No renderer takes it.
    """
    text = f"{out.rstrip('/')}/" if out.endswith("/") or Path(out).is_dir() else out
    known = {
        suffix: name for name in names("toolmark.renderers") for suffix in load("toolmark.renderers", name).suffixes
    }
    fitting = [suffix for suffix in known if text.lower().endswith(suffix)]
    if not fitting:
        raise InputError(
            f"no report is written to {out!r}", f"End it in one of {', '.join(sorted(known))} (/ is a folder: a site)."
        )
    return load("toolmark.renderers", known[max(fitting, key=len)])()


def nearest(name: str, known: tuple[str, ...]) -> str:
    """The sentence that follows an unknown name: the closest known ones, or all of them."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return "Did you mean " + " or ".join(close) + "?"
    return "Known: " + (", ".join(known) or "none")
