"""Reads and plans recipes. A recipe is a TOML file with a base, a generator, a trainer, their options, and a seed.

    base = "pocket"
    seed = 1

    [generator]
    name = "template"
    count = 2000

    [trainer]
    name = "lora"
    lr = 2e-4

A recipe can be given in place of an adapter. Toolmark makes the adapter when the adapter is needed, with the commands
`toolmark generate` and `toolmark train`. The names of the two folders contain a hash. The hash of a folder depends on
the values beside its name:

    data/<recipe>-<hash>/       generator, options, seed, tools, the generator's code
    adapters/<recipe>-<hash>/   the hash of the data, trainer, options, seed, dialect, base, the trainer's code

If a folder exists already, it is reused. If an option changes, only the folders that depend on this option are made
again. With `seeds = [1, 2, 3]` in place of `seed`, there are three adapters.

Paths in a recipe are relative to the folder of the recipe. With `dev = "data"`, checkpoints are judged on the dev cases
of the recipe's own data.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from toolmark.benchmark.candidates.model_texts import text_files
from toolmark.benchmark.config.template_args import check_template_args, written
from toolmark.benchmark.core.command_line import flags
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hashing import digest, hash_files
from toolmark.benchmark.core.registry import Group, load, target
from toolmark.benchmark.core.user_toml import toml_table
from toolmark.benchmark.data.record import RECORD_FILE

__all__ = [
    "ADAPTERS",
    "DATA",
    "Plan",
    "Recipe",
    "Step",
    "is_recipe",
    "plan_recipe",
    "plugin_package",
    "read_recipe",
    "split_class",
]

DATA, ADAPTERS = Path("data"), Path("adapters")

_COMMANDS = {"toolmark.generators": "generate", "toolmark.trainers": "train"}

_SHARED_OPTIONS = {
    "toolmark.generators": frozenset({"tools", "execute", "manifest"}),
    "toolmark.trainers": frozenset(
        {
            *("adapter", "dev", "dev_limit", "device", "manifest", "max_tokens", "skip_bad", "skip_too_long"),
            *("thinking_tokens", "tools"),
        }
    ),
}
"""Options that every generator has (command `generate`), and options that every trainer has (command `train`)."""

_CODE = ("*.py", "*.toml", "*.md", "*.yaml", "*.json", "*.jinja")
"""Files of a plug-in that can change the output of the plug-in."""

_OWN_DEV = "data"
"""Value of the option `dev` that stands for the folder of the recipe's data."""

_PATHS = ("adapter", "tools", "dev", "manifest", "prompts")
"""Options whose value can be a path. The value counts as a path only if this file or folder exists."""


class Step(BaseModel):
    """One of the two steps of a recipe: the name of a generator or trainer, and its options."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str

    @property
    def options(self) -> dict[str, Any]:
        """Return the options: all keys of the table except the name."""
        return dict(self.model_extra or {})


class Recipe(BaseModel):
    """The content of a recipe. `path` is the recipe's file.

    With several `seeds`, the recipe makes one adapter for each seed, and `seed` is not used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    base: str = Field(min_length=1)
    generator: Step
    trainer: Step
    dialect: str = ""
    template_args: dict[str, JsonValue] = Field(default_factory=dict)
    seed: int = 1
    seeds: tuple[int, ...] = ()

    @field_validator("seeds")
    @classmethod
    def _different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("the same seed is listed twice")
        return seeds

    def with_seed(self, seed: int) -> Recipe:
        """Return this recipe with one seed, for its data and its training."""
        return self.model_copy(update={"seed": seed, "seeds": ()})

    @property
    def name(self) -> str:
        """Return the name of the recipe in tables and folders: the file name without its suffix."""
        return self.path.stem

    def options(self, step: Step) -> dict[str, Any]:
        """Return the options of a step. Paths are changed, so that they are relative to the working directory."""
        options = step.options
        for key, value in options.items():
            if _may_be_path(value, key):
                file, end = split_class(value)
                if (path := self.path.parent / file).exists():
                    options[key] = f"{path}{end}"
        return options


def _may_be_path(value: object, key: str) -> TypeGuard[str]:
    """Return whether the value of this option can be a path. The file or folder perhaps does not exist."""
    return key in _PATHS and isinstance(value, str) and (key, value) != ("dev", _OWN_DEV)


def split_class(value: str) -> tuple[str, str]:
    """Split the value of an option into a path, and the class after the path of a Python file, with its colon.

    For example, `my_shop.py:Shop` becomes `("my_shop.py", ":Shop")`. For other values, the second part is empty.
    """
    file, colon, name = value.rpartition(":")
    return (file, f"{colon}{name}") if file.endswith(".py") else (value, "")


def is_recipe(path: Path) -> bool:
    """Return whether `path` is a recipe: an existing file with the suffix `.toml`."""
    return path.suffix == ".toml" and path.is_file()


@cache
def read_recipe(path: Path) -> Recipe:
    """Return the recipe in a file.

    Raises:
        InputError: The file is not TOML, or not a recipe.
    """
    try:
        recipe = Recipe(path=path, **toml_table(path.read_text(encoding="utf-8")))
    except (ValidationError, TypeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"{path} is not a recipe: {where}: {first['msg']}",
            "A recipe needs the key 'base', and the tables [generator] and [trainer]. Each table needs the key 'name'.",
        ) from None
    except ValueError as error:
        raise InputError(f"the recipe {path} is not valid TOML: {error}", "Correct the syntax of the file.") from None
    check_template_args(recipe.template_args, f"template_args in {path}")
    return recipe


@dataclass(frozen=True, slots=True)
class Plan:
    """The folders for the data and the adapter of a recipe, and the commands that write these folders.

    Attributes:
        recipe: The file of the recipe.
        data: Folder of the trace dataset. Possibly this folder does not exist yet.
        adapter: Folder of the adapter. Possibly this folder does not exist yet.
        generate: Arguments with which the command `toolmark` writes the data.
        train: Arguments with which the command `toolmark` writes the adapter.
    """

    recipe: Path
    data: Path
    adapter: Path
    generate: tuple[str, ...]
    train: tuple[str, ...]

    @property
    def has_data(self) -> bool:
        """Return whether the data is complete."""
        return (self.data / "manifest.json").is_file()

    @property
    def has_adapter(self) -> bool:
        """Return whether the adapter is complete."""
        return (self.adapter / RECORD_FILE).is_file()

    def __str__(self) -> str:
        if self.has_adapter:
            return f"{self.adapter} is reused"
        training = "is trained further" if self.adapter.exists() else "is trained"
        return f"{self.data} is {'reused' if self.has_data else 'generated'}, and {self.adapter} {training}"


def plan_recipe(recipe: Recipe, base: Path, dialect: str, device: str = "auto") -> Plan:
    """Return the folders and commands for the data and the adapter of a recipe.

    Args:
        recipe: The recipe.
        base: Folder of the base's weights.
        dialect: Name of the dialect in which the recipe trains.
        device: The device of the training, if the recipe names no device. The device does not change the names of the
            folders.

    Raises:
        InputError: The recipe names an unknown generator or trainer, or an option that the generator or trainer does
            not have.
    """
    generator, trainer = recipe.generator, recipe.trainer
    data_key = digest(
        [
            version("toolmark"),
            generator.name,
            _resolved_options(recipe, "toolmark.generators", generator),
            recipe.seed,
            _code_hash("toolmark.generators", generator),
        ]
    )
    data = DATA / f"{recipe.name}-{data_key[:8]}"
    adapter_key = digest(
        [
            data_key,
            trainer.name,
            _resolved_options(recipe, "toolmark.trainers", trainer),
            recipe.seed,
            *([recipe.template_args] if recipe.template_args else []),
            f"{dialect}/{load('toolmark.dialects', dialect)().version}",
            hash_files([*base.glob("*.safetensors"), *text_files(base)]),
            _code_hash("toolmark.trainers", trainer),
        ]
    )
    adapter = ADAPTERS / f"{recipe.name}-{adapter_key[:8]}"
    generating = {"out": data, "seed": recipe.seed, **recipe.options(generator)}
    training: dict[str, Any] = {"base": recipe.base, "data": data, "out": adapter, "dialect": dialect}
    training |= {"template_args": written(recipe.template_args)} if recipe.template_args else {}
    training |= {"seed": recipe.seed} | ({} if device == "auto" else {"device": device})
    training |= recipe.options(trainer)
    if training.get("dev") == _OWN_DEV:
        training["dev"] = data
    return Plan(
        recipe.path,
        data,
        adapter,
        (_COMMANDS["toolmark.generators"], generator.name, *flags(generating)),
        (_COMMANDS["toolmark.trainers"], trainer.name, *flags(training)),
    )


def _resolved_options(recipe: Recipe, group: Group, step: Step) -> dict[str, object]:
    """Return all options of a step, including default values. So a new default value changes the name of the folder.

    Raises:
        InputError: There is no such plug-in, or the plug-in does not have one of the options.
    """
    options: type[BaseModel] = load(group, step.name).Options
    given = recipe.options(step)
    shared = {key: _content(key, given[key]) for key in sorted(given.keys() & _SHARED_OPTIONS[group])}
    own = {key: value for key, value in given.items() if key not in shared}
    try:
        return {**options.model_validate(own).model_dump(mode="json"), **shared}
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{recipe.path}: {step.name} does not take {key} = {first['input']!r}: {first['msg']}",
            f"To list the options: toolmark {_COMMANDS[group]} {step.name} --help",
        ) from None


def _content(key: str, value: object) -> object:
    """Return the value of an option. If the value is the path of a file or folder, return the hash of the content."""
    file, end = split_class(value) if _may_be_path(value, key) else ("", "")
    path = Path(file)
    if not file or not path.exists():
        return value
    return end + hash_files([path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()])


def plugin_package(entry_point: str) -> str:
    """Return the name of the package that contains the code of a plug-in.

    For a plug-in of Toolmark, this is for example `toolmark.trainers`. For other plug-ins, this is the top-level
    package.

    Args:
        entry_point: Module and object, for example `toolmark.trainers.lora:LoraTrainer`.
    """
    names = entry_point.partition(":")[0].split(".")
    return ".".join(names[:2] if names[0] == "toolmark" else names[:1])


@cache
def _code_hash(group: Group, step: Step) -> str:
    """Return the SHA-256 of the package of a plug-in. Changed code can give other data for the same options."""
    spec = find_spec(plugin_package(target(group, step.name)))
    total = hashlib.sha256()
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        files = sorted(file for pattern in _CODE for file in Path(folder).rglob(pattern))
        for file in files:
            total.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    return total.hexdigest()
