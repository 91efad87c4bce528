"""Imports the function that implements a tool. The field `run` of a tool contains the name of the function.

| form of the name | what a call does |
|---|---|
| `package.module:function` | calls the Python function |
| `/path/to/file.py:function` | calls the Python function |
| `package.module:World.method` or `/path/to/file.py:World.method` | calls the method of a world (`worlds/world.py`) |
| `openapi:/path/to/spec.yaml:tool` | sends an HTTP request |
| `mcp:SERVER:tool` | calls an MCP server |

A user's module is imported in two processes. The main process reads the tools of the module, and the worker process of
the sandbox runs the tools. Both processes import the module with this code, so both get the same functions.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.tools.worlds.world import World, stateful

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = [
    "argument_adapter",
    "implementation",
    "import_source",
    "is_file_source",
    "is_remote",
    "is_world_method",
    "source_and_name",
    "world_class",
]

_REMOTE_SCHEMES = ("openapi", "mcp")


def is_remote(run: str) -> bool:
    """Return whether `run` names a remote tool (`SCHEME:SOURCE:TOOL`) and not a function."""
    scheme, _, rest = run.partition(":")
    return scheme in _REMOTE_SCHEMES and all(rest.rpartition(":"))


def source_and_name(run: str) -> tuple[str, str]:
    """Split the name of a local implementation into the module or file, and `function` or `World.method`.

    Raises:
        ValueError: `run` has another form.
    """
    source, _, name = run.rpartition(":")
    if not source or not all(part.isidentifier() for part in name.split(".", 1)):
        raise ValueError(f"{run!r} does not have the form module:function or file.py:function")
    return source, name


def is_world_method(run: str) -> bool:
    """Return whether `run` names a method of a world and not a function."""
    _, colon, name = run.rpartition(":")
    return bool(colon) and not is_remote(run) and "." in name


def is_file_source(source: str | Path) -> bool:
    """Return whether `source` is the path of a Python file and not the name of a module."""
    return isinstance(source, Path) or source.endswith(".py")


def import_source(source: str | Path) -> ModuleType:
    """Return the module with a name like `package.module`, or the module in a `.py` file.

    A module is executed only once in each process.

    Raises:
        FileNotFoundError: The file does not exist.
        Exception: The imported code can raise any error.
    """
    if not is_file_source(source):
        return importlib.import_module(str(source))
    path = Path(source).resolve()
    # The module does not get the name of the file. Otherwise a user's `calendar.py` would replace Python's own module
    # `calendar`.
    name = f"toolmark_source_{digest(str(path))}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Python looks up annotations in `sys.modules`, so the module must be there before its code runs.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def implementation(run: str) -> tuple[ModuleType, Callable[..., Any]]:
    """Return the module and the function for the name `run`.

    Raises:
        ValueError: `run` has no `:function`, or the module has no function with this name.
        Exception: The imported code can raise any error.
    """
    if is_remote(run):
        scheme, _, rest = run.partition(":")
        module = importlib.import_module(f"toolmark.benchmark.tools.remote.{scheme}")
        source, _, name = rest.rpartition(":")
        remote: Callable[..., Any] = module.bound(source, name)
        return module, remote
    source, name = source_and_name(run)
    module = import_source(source)
    if is_world_method(run):
        world, _, method = name.partition(".")
        return module, stateful(world_class(source, world), method)
    function = getattr(module, name, None)
    if not callable(function):
        raise ValueError(f"{source} defines no function {name}")
    return module, function


def world_class(source: str | Path, name: str) -> type[World]:
    """Return the world with this name in a module or a `.py` file.

    Raises:
        ValueError: The module has no class with this name, or the class is not derived from `World`.
        Exception: The imported code can raise any error.
    """
    world = getattr(import_source(source), name, None)
    if not isinstance(world, type) or not issubclass(world, World):
        raise ValueError(f"{source} defines no class {name} that is derived from World")
    return world


def argument_adapter(function: Callable[..., Any]) -> TypeAdapter[Any]:
    """Return pydantic's adapter of a function.

    The adapter makes the JSON Schema of the function's arguments. It also calls the function with arguments in JSON.

    Raises:
        PydanticUserError: The type of an argument has no JSON Schema.
        NameError: An annotation uses a name that does not exist.
    """
    # `TypeAdapter` accepts functions, but the type of its argument does not say so.
    adapted: Any = function
    return TypeAdapter(adapted)
