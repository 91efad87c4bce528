"""What the generator knows about one world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from toolmark.generators.template.worlds.choices import Choices
from toolmark.generators.template.worlds.draft import Task

__all__ = ["WorldTasks"]


@dataclass(frozen=True, slots=True)
class WorldTasks:
    """What the generator knows about one world.

    Attributes:
        name: The name of the world.
        state: Draws a state in which a conversation begins.
        tasks: The tasks that a conversation can contain.
        beyond: Requests that no tool of the world can serve, with answers. There are at least four.
        free: Paths of the state whose values can differ. See `Scenario`.
    """

    name: str
    state: Callable[[Choices], dict[str, Any]]
    tasks: tuple[Task, ...]
    beyond: tuple[tuple[str, str], ...]
    free: tuple[str, ...] = ()
