"""Recipes: a base, a generator and a trainer with their options, and a seed, in one TOML file.

    base = "pocket"
    seed = 1

    [generator]
    name = "template"
    count = 2000

    [trainer]
    name = "lora"
    lr = 2e-4

A recipe stands for an adapter that is made when it is needed, by the two commands `toolmark generate` and `toolmark
train`. An adapter that was already made is found by a hash of everything that it depends on. Paths in a recipe are
relative to its folder.
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
"""Options whose value is a path, if a file or folder of that name exists."""


class Step(BaseModel):
    """One of the two steps: the name of a plug-in, and its options."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str

    @property
    def options(self) -> dict[str, Any]:
        """All keys of the table but the name."""
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
        """The recipe's name in tables and folders."""
        return self.path.stem

    def options(self, step: Step) -> dict[str, Any]:
        """The options of a step, with paths relative to the working directory."""
        options = step.options
        for key in _PATHS:
            value = options.get(key)
            if isinstance(value, str) and (path := self.path.parent / value).exists():
                options[key] = str(path)
        return options


def is_recipe(path: Path) -> bool:
    """Whether `path` is a recipe: an existing file with the suffix `.toml`."""
    return path.suffix == ".toml" and path.is_file()


@cache
def read_recipe(path: Path) -> Recipe:
    """Read the file of a recipe.

    Raises:
        InputError: The file is not TOML, or not a recipe.
    """
    try:
        return Recipe(path=path, **tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the recipe {path} is not TOML: {error}", "Correct its syntax.") from None
    except (ValidationError, TypeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"{path} is not a recipe: {where}: {first['msg']}",
            "Write base, and the tables [generator] and [trainer], each with a name.",
        ) from None
