"""Recipes. A recipe is a TOML file with a base, a generator, a trainer, their options, and a seed.

    base = "pocket"
    seed = 1

    [generator]
    name = "template"
    count = 2000

    [trainer]
    name = "lora"
    lr = 2e-4

A recipe stands for an adapter. The adapter is made when it is needed, by the two commands `toolmark generate` and
`toolmark train`. Data and adapters that already exist are found by a hash of everything that they depend on:

    data/<recipe>-<key8>/       generator, options, seed, tools, the generator's code
    adapters/<recipe>-<key8>/   the data's key, trainer, options, seed, dialect, base, the trainer's code

So nothing is made twice. If an option changes, data and adapters are made again only if they depend on this option.
Paths in a recipe are relative to the recipe's folder. With `dev = "data"`, the dev cases of the recipe's own data judge
the checkpoints.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolmark.benchmark.core.command_line import flags
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hashing import digest, hash_files
from toolmark.benchmark.core.registry import Group, load, target
from toolmark.benchmark.data.record import RECORD_FILE

__all__ = ["ADAPTERS", "DATA", "Plan", "Recipe", "Step", "is_recipe", "plan_recipe", "plugin_package", "read_recipe"]

DATA, ADAPTERS = Path("data"), Path("adapters")

_COMMANDS = {"toolmark.generators": "generate", "toolmark.trainers": "train"}

_SHARED_OPTIONS = {
    "toolmark.generators": frozenset({"tools", "execute", "manifest"}),
    "toolmark.trainers": frozenset({"dev", "dev_limit", "manifest", "skip_too_long", "device"}),
}
"""Options that all plug-in commands of a group share. The plug-ins themselves do not have these options."""

_CODE = ("*.py", "*.toml", "*.md", "*.yaml", "*.json", "*.jinja")
"""Kinds of files whose content can change the output of a plug-in."""

_OWN_DEV = "data"
"""Value of the option `dev` that stands for the folder of the recipe's data."""

_PATHS = ("tools", "dev", "manifest", "prompts")
"""Options whose value is a path, if a file or folder with this name exists."""


class Step(BaseModel):
    """One of the two steps of a recipe, with the name of a plug-in and the plug-in's options."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str

    @property
    def options(self) -> dict[str, Any]:
        """All keys of the table except the name."""
        return dict(self.model_extra or {})


class Recipe(BaseModel):
    """The content of a recipe. `path` is the recipe's file."""

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
    """Return whether `path` is a recipe, which is an existing file with the suffix `.toml`."""
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
        raise InputError(f"the recipe {path} is not TOML: {error}", "Correct the syntax of the file.") from None
    except (ValidationError, TypeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"{path} is not a recipe: {where}: {first['msg']}",
            "Write base, and the tables [generator] and [trainer]. Both tables need a name.",
        ) from None


@dataclass(frozen=True, slots=True)
class Plan:
    """The folders of a recipe's data and adapter, and the commands that make the data and the adapter.

    The folders may not exist yet.

    Attributes:
        recipe: The recipe's file.
        data: Folder of the trace dataset.
        adapter: Folder of the adapter.
        generate: Arguments of `toolmark` that write the data.
        train: Arguments of `toolmark` that write the adapter.
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
        return f"{self.data} is {'reused' if self.has_data else 'generated'}, {self.adapter} {training}"


def plan_recipe(recipe: Recipe, base: Path, dialect: str, device: str = "auto") -> Plan:
    """Find the folders and commands for the data and the adapter of a recipe.

    Args:
        recipe: The recipe.
        base: Folder of the base's weights.
        dialect: Name of the dialect in which the recipe trains.
        device: The device of the training, if the recipe names no device. It does not change the folders.

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
            f"{dialect}/{load('toolmark.dialects', dialect)().version}",
            hash_files([*base.glob("*.safetensors"), *base.glob("*.json"), *base.glob("*.jinja")]),
            _code_hash("toolmark.trainers", trainer),
        ]
    )
    adapter = ADAPTERS / f"{recipe.name}-{adapter_key[:8]}"
    generating = {"out": data, "seed": recipe.seed, **recipe.options(generator)}
    training: dict[str, Any] = {"base": recipe.base, "data": data, "out": adapter, "dialect": dialect}
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
    """All options of a step, with default values. So a new default value changes the hash of the data or adapter.

    Raises:
        InputError: There is no such plug-in, or the plug-in does not have one of the options.
    """
    options: type[BaseModel] = load(group, step.name).Options
    given = recipe.options(step)
    shared = {key: _content(given[key]) for key in sorted(given.keys() & _SHARED_OPTIONS[group])}
    own = {key: value for key, value in given.items() if key not in shared}
    try:
        return {**options.model_validate(own).model_dump(mode="json"), **shared}
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{recipe.path}: {step.name} does not take {key} = {first['input']!r}: {first['msg']}",
            f"List the options with: toolmark {_COMMANDS[group]} {step.name} --help",
        ) from None


def _content(value: object) -> object:
    """The hash of a file or folder if `value` is the path of one. Otherwise `value` itself."""
    path = Path(value) if isinstance(value, str) else None
    if path is None or not path.exists():
        return value
    return hash_files([path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()])


def plugin_package(entry_point: str) -> str:
    """The package that contains the code of a plug-in.

    For a plug-in of Toolmark, this is for example `toolmark.trainers`. For others, it is the top-level package.

    Args:
        entry_point: Module and object, for example `toolmark.trainers.lora:LoraTrainer`.
    """
    names = entry_point.partition(":")[0].split(".")
    return ".".join(names[:2] if names[0] == "toolmark" else names[:1])


@cache
def _code_hash(group: Group, step: Step) -> str:
    """The SHA-256 of the package of a plug-in. Changed code may make different data from the same options."""
    spec = find_spec(plugin_package(target(group, step.name)))
    total = hashlib.sha256()
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        files = sorted(file for pattern in _CODE for file in Path(folder).rglob(pattern))
        for file in files:
            total.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    return total.hexdigest()
