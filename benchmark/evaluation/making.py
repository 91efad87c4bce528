"""From a recipe to an adapter: what is there is found by its content, what is missing is made by two commands.

    data/<recipe>-<key8>/       the key covers generator, options, seed, tools, and the generator's own code
    adapters/<recipe>-<key8>/   and this one the data's key, trainer, options, seed, dialect, base, the trainer's code

So nothing is made twice, and a changed option makes anew only what depends on it. A command that was killed goes on
when it is given again; two sessions that want the same adapter wait for one another. Recipes are made one after the
other, and whoever wants them need not stand by: other candidates may answer meanwhile.
"""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from filelock import FileLock
from pydantic import BaseModel, ValidationError

from toolmark.benchmark.candidates.dialect_choice import recipe_dialect
from toolmark.benchmark.candidates.recipes import Recipe, Step, is_recipe, read_recipe
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import locate
from toolmark.benchmark.core.command_line import flags
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.hashing import digest, hash_files
from toolmark.benchmark.core.registry import Group, load, target
from toolmark.benchmark.data.record import RECORD_FILE

__all__ = ["Making", "Plan", "plan", "plugin_package"]

DATA, ADAPTERS = Path("data"), Path("adapters")

_OF_THE_HOST = {
    "toolmark.generators": frozenset({"tools", "execute", "manifest"}),
    "toolmark.trainers": frozenset({"dev", "dev_limit", "manifest", "skip_too_long"}),
}
"""Options that are not the plug-in's own but those of every command of its kind."""

_COMMANDS = {"toolmark.generators": "generate", "toolmark.trainers": "train"}

_FAREWELL = 10.0
"""Seconds that a command has to say what it keeps, when the user interrupts both it and whoever waits for it."""

_CODE = ("*.py", "*.toml", "*.md", "*.yaml", "*.json", "*.jinja")


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the two parts of a recipe lie or will lie, and the commands that make them."""

    recipe: str
    data: Path
    adapter: Path
    generate: tuple[str, ...]
    train: tuple[str, ...]

    @property
    def has_data(self) -> bool:
        """Whether the data is there."""
        return (self.data / "manifest.json").is_file()

    @property
    def has_adapter(self) -> bool:
        """Whether the adapter is there."""
        return (self.adapter / RECORD_FILE).is_file()

    def __str__(self) -> str:
        if self.has_adapter:
            return f"{self.adapter} is reused"
        going = "goes on" if self.adapter.exists() else "is trained"
        return f"{self.data} is {'reused' if self.has_data else 'generated'}, {self.adapter} {going}"


def plan(candidate: Candidate) -> Plan | None:
    """What stands to be done for a candidate; None for one without a recipe.

    Raises:
        InputError: The recipe names no generator or trainer that is known, or an option that it has not.
        EnvironmentFault: The weights of its base cannot be had.
    """
    if candidate.adapter is None or not is_recipe(path := Path(candidate.adapter)):
        return None
    recipe = read_recipe(path)
    asked = _checked(recipe, "toolmark.generators", recipe.generator)
    data_key = digest(
        [version("toolmark"), recipe.generator.name, asked, recipe.seed, _code("toolmark.generators", recipe.generator)]
    )
    data = DATA / f"{recipe.name}-{data_key[:8]}"
    base = locate(replace(candidate, adapter=None)).base
    weights = hash_files([*base.glob("*.safetensors"), *base.glob("*.json"), *base.glob("*.jinja")])
    dialect, _ = recipe_dialect(candidate, recipe)
    spoken = load("toolmark.dialects", dialect)()
    wanted = _checked(recipe, "toolmark.trainers", recipe.trainer)
    adapter_key = digest(
        [
            data_key,
            recipe.trainer.name,
            wanted,
            recipe.seed,
            f"{spoken.name}/{spoken.version}",
            weights,
            _code("toolmark.trainers", recipe.trainer),
        ]
    )
    adapter = ADAPTERS / f"{recipe.name}-{adapter_key[:8]}"
    seed = {"seed": recipe.seed}
    generating = {"out": data, **seed, **recipe.options(recipe.generator)}
    training = {"base": recipe.base, "data": data, "out": adapter, "dialect": dialect, **seed}
    return Plan(
        candidate.adapter,
        data,
        adapter,
        (_COMMANDS["toolmark.generators"], recipe.generator.name, *flags(generating)),
        (_COMMANDS["toolmark.trainers"], recipe.trainer.name, *flags(training | recipe.options(recipe.trainer))),
    )


class Making:
    """What recipes stand for, made in processes of their own while this one goes on.

    A context: when it is left nothing is made any more, and what was half made goes on the next time.

    Args:
        candidates: With recipes or without.
        say: Told each command before it is run.

    Attributes:
        coming: Each candidate as a future, with the adapter that its recipe makes; done where nothing is to be made.
            Where a command failed, which has said why, its error is an `InputError` or `EnvironmentFault`.

    Raises:
        InputError, EnvironmentFault: As `plan`.
    """

    def __init__(self, candidates: Sequence[Candidate], say: Callable[[str], None]) -> None:
        self._say = say
        self._child: subprocess.Popen[bytes] | None = None
        self._left = False
        self._maker = ThreadPoolExecutor(1, "recipes")
        plans = [plan(candidate) for candidate in candidates]
        self.coming = [self._made(candidate, todo) for candidate, todo in zip(candidates, plans, strict=True)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._left = True
        self._maker.shutdown(wait=False, cancel_futures=True)
        if self._child is not None and self._child.poll() is None:
            interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
            try:  # Ctrl-C reaches the child, too, which says what it keeps
                self._child.wait(_FAREWELL if interrupted else 0)
            except subprocess.TimeoutExpired:
                self._child.terminate()
        self._maker.shutdown()

    def _made(self, candidate: Candidate, todo: Plan | None) -> Future[Candidate]:
        if todo is None or todo.has_adapter:
            known: Future[Candidate] = Future()
            known.set_result(candidate if todo is None else replace(candidate, adapter=str(todo.adapter)))
            return known
        return self._maker.submit(self._make, candidate, todo)

    def _make(self, candidate: Candidate, todo: Plan) -> Candidate:
        for folder in (DATA, ADAPTERS):
            folder.mkdir(exist_ok=True)
        with FileLock(ADAPTERS / f".{todo.adapter.name}.lock").acquire(cancel_check=lambda: self._left):
            if not todo.has_adapter:
                if not todo.has_data:
                    self._run(todo.generate)
                self._run(todo.train)
        return replace(candidate, adapter=str(todo.adapter))

    def _run(self, words: Sequence[str]) -> None:
        """Run a command of Toolmark in a process of its own: it opens no test case, and its memory is given back."""
        command = shlex.join(["toolmark", *words])
        self._say(command)
        with subprocess.Popen([sys.executable, "-m", "toolmark.benchmark.cli", *words]) as self._child:  # noqa: S603
            if self._left:  # between the look at the child before this one and now
                self._child.terminate()
            returned = self._child.wait()
        if returned == 0:
            return
        if returned in (-2, 2, 130):
            raise KeyboardInterrupt
        kind = EnvironmentFault if returned == EnvironmentFault.exit_code else InputError
        raise kind(f"a part of the recipe was not made (exit {returned}, reason above)", f"Mend it; alone: {command}")


def _checked(recipe: Recipe, group: Group, step: Step) -> dict[str, object]:
    """The options of a step as they will be, defaults too, so that a new default is a new recipe.

    Raises:
        InputError: No such plug-in, or an option that it has not.
    """
    plugin = load(group, step.name)
    options: type[BaseModel] = plugin.Options
    given = recipe.options(step)
    shared = {key: _content(given[key]) for key in sorted(given.keys() & _OF_THE_HOST[group])}
    own = {key: value for key, value in given.items() if key not in shared}
    try:
        return {**options.model_validate(own).model_dump(mode="json"), **shared}
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(
            f"the recipe {recipe.path} asks {step.name} for {key} = {first['input']!r}: {first['msg']}",
            f"See the options: toolmark {_COMMANDS[group]} {step.name} --help",
        ) from None


def _content(value: object) -> object:
    """What an option depends on: the bytes of the file that it names, where it names one."""
    path = Path(value) if isinstance(value, str) else None
    if path is None or not path.exists():
        return value
    return hash_files([path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()])


def plugin_package(entry_point: str) -> str:
    """The package whose code a plug-in depends on: `toolmark.trainers` and the like, or a third party's top package.

    Args:
        entry_point: Module and object, as `toolmark.trainers.lora:LoraTrainer`.
    """
    names = entry_point.partition(":")[0].split(".")
    return ".".join(names[:2] if names[0] == "toolmark" else names[:1])


@cache
def _code(group: Group, step: Step) -> str:
    """SHA-256 over the package of a plug-in, because other code may make other data from the same options."""
    spec = find_spec(plugin_package(target(group, step.name)))
    total = hashlib.sha256()
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        files = sorted(file for pattern in _CODE for file in Path(folder).rglob(pattern))
        for file in files:
            total.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    return total.hexdigest()
