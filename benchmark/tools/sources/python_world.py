"""Reads the tools of a world, which is a Python class. See `worlds/world.py`."""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import nearest
from toolmark.benchmark.tools.sources import ToolsFile
from toolmark.benchmark.tools.sources.python import function_tool, imported_module, place_of
from toolmark.benchmark.tools.worlds.world import World, tool_methods

__all__ = ["read_world", "world_source"]


def world_source(source: str) -> tuple[str, str] | None:
    """Split the name of a world into its module or file and its class. Return None for other sources of tools.

    For example, `my_shop.py:Shop` becomes `("my_shop.py", "Shop")`.
    """
    module, _, name = source.rpartition(":")
    is_module = module.endswith(".py") or all(part.isidentifier() for part in module.split("."))
    return (module, name) if is_module and name.isidentifier() else None


def read_world(source: str | Path, name: str) -> ToolsFile:
    """Return the public methods of a world as tools, in the order of definition.

    A method that declares no effects has the effects `write`, because it is allowed to change the state.

    Args:
        source: The name of a module (`my.worlds`), or the path of a file (`my_world.py`).
        name: The name of the class.

    Raises:
        InputError: The source cannot be imported, has no such class, or a method cannot be a tool.
    """
    module, file, run = imported_module(source)
    worlds = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, World) and value is not World
    }
    if name not in worlds:
        what = f"{file} has no class {name} that is derived from World"
        raise InputError(what, nearest(name, tuple(worlds)) if worlds else "Derive the class: class NAME(World).")
    methods = tool_methods(worlds[name])
    if not methods:
        raise InputError(f"{file}: the class {name} has no public method", "Define a typed method for each tool.")
    tools = tuple(function_tool(method, file, f"{run}:{name}.{method.__name__}", "write") for method in methods)
    return ToolsFile(tools, {}, {(method.__name__,): place_of(method, file) for method in methods})
