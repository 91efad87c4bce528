"""Hashes the code of a world. Results that an earlier version of a world gave must not be used for its new version."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

from toolmark.benchmark.core.hashing import digest, file_hash
from toolmark.benchmark.tools.worlds.world import World

__all__ = ["world_code"]

_TOOLMARK = __name__.partition(".")[0]
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def world_code(world: type[World], module: str) -> str:
    """Return a hash of the code of a world.

    The code is in these files:

    - the files of the class and of its base classes, including `World`
    - the file of the module that the user named
    - the files of the local modules that these files import, also by way of other local modules

    The standard library and installed packages are left out, and so is the rest of Toolmark. Only the package of the
    world itself counts also if it is installed.

    Args:
        world: The world.
        module: The name of the module in which the world was found. Its class can be defined elsewhere.
    """
    bases = [base for base in inspect.getmro(world) if issubclass(base, World)]
    own = {base.__module__.partition(".")[0] for base in bases} - {_TOOLMARK}
    waiting = [module, *(base.__module__ for base in bases)]
    waiting += [base.__module__ for base in inspect.getmro(world) if _is_local(base.__module__, own)]
    known: dict[str, Path | None] = {}
    while waiting:
        name = waiting.pop()
        if name not in known:
            known[name] = file = _file(name)
            if file is not None and name.partition(".")[0] != _TOOLMARK:
                waiting += [other for other in _imports(file, _package(name)) if _is_local(other, own)]
    files = {file for file in known.values() if file is not None}
    return digest(sorted([file.name, file_hash(file)] for file in files))


def _is_local(name: str, own: set[str]) -> bool:
    """Return whether a module belongs to the user, or to one of the packages `own`."""
    top = name.partition(".")[0]
    if top in own:
        return True
    if top == _TOOLMARK or top in sys.stdlib_module_names or (spec := _spec(top)) is None:
        return False
    places = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or ())
    standard = sysconfig.get_path("stdlib")
    return any(
        place and not _INSTALLED.intersection(Path(place).parts) and not Path(place).is_relative_to(standard)
        for place in places
    )


def _file(name: str) -> Path | None:
    """Return the file of a module. Return None if the module has no file, or if there is no such module."""
    spec = _spec(name)
    file = Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None
    return file if file is not None and file.is_file() else None


def _spec(name: str) -> ModuleSpec | None:
    if (module := sys.modules.get(name)) is not None:
        return module.__spec__
    try:
        return importlib.util.find_spec(name)
    except Exception:  # Looking for a module imports the packages around it, and their code can raise any error.
        return None


def _package(name: str) -> str:
    spec = _spec(name)
    return "" if spec is None else spec.parent or ""


def _imports(file: Path, package: str) -> Iterator[str]:
    """Yield the names of the modules that a file imports, anywhere in its code, and of the packages around them.

    Some of the names are not modules, because `from a import b` does not show whether `b` is one.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError):  # It is not Python, for example an extension module.
        return
    for node in ast.walk(tree):
        named: list[str] = []
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                source = ".".join(filter(None, (*parts, source)))
            named = [source, *(f"{source}.{alias.name}" for alias in node.names)]
        for name in filter(None, named):
            parts = name.split(".")
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))
