"""Recipes: a base, a generator and a trainer with their options, and a seed, in one TOML file.

    base = "pocket"
    seed = 1

    [generator]
    name = "template"
    count = 2000

    [trainer]
    name = "lora"
    lr = 2e-4

A recipe is an adapter that need not be there yet: it is two commands, `toolmark generate` and `toolmark train`, whose
output is found again by a hash over everything that it depends on. Paths in it are read from where the file lies.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolmark.benchmark.core.errors import InputError

__all__ = ["Recipe", "Step", "is_recipe", "read_recipe"]

_PATHS = ("tools", "dev", "manifest", "prompts")
"""Options that name a file or folder, where one is there."""


class Step(BaseModel):
    """One of the two commands: a plug-in by its name, and its options."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str

    @property
    def options(self) -> dict[str, Any]:
        """Everything that the table says beside the name."""
        return dict(self.model_extra or {})


class Recipe(BaseModel):
    """The content of a recipe; `path` is its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    base: str = Field(min_length=1)
    generator: Step
    trainer: Step
    dialect: str = ""
    seed: int = 1

    @property
    def name(self) -> str:
        """What tables and folders call it."""
        return self.path.stem

    def options(self, step: Step) -> dict[str, Any]:
        """The options of a step, its paths as seen from here."""
        found = step.options
        for key in _PATHS:
            given = found.get(key)
            if isinstance(given, str) and (beside := self.path.parent / given).exists():
                found[key] = str(beside)
        return found


def is_recipe(path: Path) -> bool:
    """Whether `path` is the file of a recipe, by its name."""
    return path.suffix == ".toml" and path.is_file()


@cache
def read_recipe(path: Path) -> Recipe:
    """Read a recipe's file.

    Raises:
        InputError: It is not TOML, or no recipe.
    """
    try:
        return Recipe(path=path, **tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the recipe {path} is not TOML: {error}", "Correct its syntax.") from None
    except (ValidationError, TypeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"the recipe {path} is none: {where}: {first['msg']}",
            "It needs base, and the tables [generator] and [trainer], each with a name.",
        ) from None
