"""Finds worlds by name. A name is the name of a shipped world, or the world that the user named with `--tools`.

A file of scenarios is data, and possibly downloaded. So the name of a world in such a file never makes Toolmark import
code: only a shipped world or the world of `--tools` can have the name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import nearest
from toolmark.benchmark.data.cases import Toolbox
from toolmark.benchmark.tools.implementations import import_source, is_file_source, world_class
from toolmark.benchmark.tools.sources.python_world import read_world, world_source
from toolmark.benchmark.tools.worlds.world_code import world_code

__all__ = ["SHIPPED_WORLDS", "NamedWorld", "WorldNames"]

_PACKAGE = "toolmark.benchmark.tools.worlds"

SHIPPED_WORLDS = {
    "bank": "Bank",
    "calendar": "Calendar",
    "files": "Files",
    "home": "Home",
    "inbox": "Inbox",
    "shop": "Shop",
    "tickets": "Tickets",
    "travel": "Travel",
}
"""The module and the class of each shipped world. The name of the module is the name of the world."""


@dataclass(frozen=True)
class NamedWorld:
    """A world that is allowed to run.

    Attributes:
        name: The name of the world in scenarios.
        toolbox: All tools of the world, in the order of definition.
        run: The name of the class in the sandbox: `module:Class` or `/path/to/file.py:Class`.
        code: The hash of the code of the world. See `world_code.py`.
    """

    name: str
    toolbox: Toolbox
    run: str
    code: str


class WorldNames:
    """Finds worlds by the names that scenarios use.

    Args:
        source: The value of `--tools`, or None. If the value names a world, as in `my_shop.py:Shop`, scenarios can use
            this world. They name the world by its class (`Shop`), or by the whole value.

    Raises:
        InputError: The world of the user cannot be read.
    """

    def __init__(self, source: str | None = None) -> None:
        self._own: dict[str, NamedWorld] = {}
        if source is not None and (parts := world_source(source)) is not None:
            world = _read(*parts, parts[1])
            self._own = {world.name: world, source: world}

    @property
    def names(self) -> tuple[str, ...]:
        """Return all names, those of the user first."""
        return (*self._own, *SHIPPED_WORLDS)

    def resolve(self, name: str) -> NamedWorld:
        """Return the world with this name.

        Raises:
            InputError: No shipped world has this name, and `--tools` does not name such a world.
        """
        if name in self._own:
            return self._own[name]
        if name in SHIPPED_WORLDS:
            return _shipped(name)
        what = f"There is no world {name!r}"
        if world_source(name) is not None or is_file_source(name):
            raise InputError(what, f"If you trust the code of this world, name it: --tools {name}")
        own = f"If this is your own world, name its code: --tools my_world.py:{name}. " if name.isidentifier() else ""
        raise InputError(what, own + nearest(name, self.names))


@cache
def _shipped(name: str) -> NamedWorld:
    return _read(f"{_PACKAGE}.{name}", SHIPPED_WORLDS[name], name)


def _read(module: str, world: str, name: str) -> NamedWorld:
    tools = read_world(module, world).tools
    run = str(tools[0].run).rpartition(".")[0]
    code = world_code(world_class(module, world), import_source(module).__name__)
    return NamedWorld(name, Toolbox(name=name, tools=tools), run, code)
