"""The world of BFCL's multi-turn categories. Only the worker of the sandbox imports this module.

The objects of BFCL cannot be written as JSON. But equal calls have equal results, because the random numbers have a
fixed seed. So the state of this world contains the settings at the start and all calls since then. Each call first
makes the objects again and repeats the calls, and then makes one call more.

The state also shows the public attributes of the objects, because BFCL's judge compares these attributes. A long text
is shown as its beginning and a hash.

The results have the form in which BFCL shows them to a model: a text, or JSON in a text. An exception is a result, too,
because the changes that a call made before its exception are kept.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

from pydantic import Field, JsonValue, PrivateAttr

from toolmark.benchmark.tools.bfcl.installed import CLASSES, PACKAGE
from toolmark.benchmark.tools.worlds.world import Part, World

__all__ = ["BfclWorld"]

_STATELESS = "MathAPI"
_LONGEST_SHOWN = 500
_BEGINNING = 100

_COMPARED = {"Directory": ("name", "contents"), "File": ("name", "content")}
"""The attributes that the method `__eq__` of a class compares. Other objects are shown as text."""


class _Made(Part):
    """A call that was made."""

    name: str
    arguments: dict[str, JsonValue]


class BfclWorld(World):
    """The objects of a scenario of BFCL.

    The methods of the classes in `CLASSES` are the tools of this world.

    Attributes:
        classes: The names of the classes of the scenario.
        config: The settings of each class at the start.
        long_context: Whether the objects contain much more data than the scenario needs.
        made: All calls that were made.
        shown: The public attributes of the objects, by the name of the class. This is written and never read.
    """

    classes: tuple[Literal[tuple(CLASSES)], ...]  # type: ignore[valid-type]
    config: dict[str, JsonValue]
    long_context: bool = False
    made: list[_Made] = Field(default_factory=list)
    shown: JsonValue = None

    _objects: dict[str, Any] = PrivateAttr(default_factory=dict)

    def model_post_init(self, _: Any) -> None:
        """Make the objects, and repeat the calls."""
        self._objects = {name: self._new_object(name) for name in self.classes}
        for one in self.made:
            self._result(one)

    def state(self) -> JsonValue:
        """Return the state of this world as JSON."""
        self.shown = {
            name: {key: _shown(value) for key, value in vars(one).items() if not key.startswith("_")}
            for name, one in self._objects.items()
        }
        return super().state()

    def _new_object(self, name: str) -> Any:
        made = getattr(_module(name), name)()
        if name != _STATELESS:
            made._load_scenario(copy.deepcopy(self.config.get(name, {})), long_context=self.long_context)
        return made

    def _result(self, call: _Made) -> str:
        # The last class with a method of this name has the method, as in BFCL.
        methods = [method for one in self._objects.values() if (method := getattr(one, call.name, None))]
        if not methods:
            return f"Error during execution: name '{call.name}' is not defined"
        try:
            value = methods[-1](**copy.deepcopy(call.arguments))
        except MemoryError:  # The sandbox reports it.
            raise
        except Exception as error:
            return f"Error during execution: {error}"
        if isinstance(value, dict):
            with suppress(TypeError, ValueError):
                return json.dumps(value)
        return str(value)


def _module(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{CLASSES[name]}")


def _shown(value: Any) -> JsonValue:
    if isinstance(value, str):
        if len(value) <= _LONGEST_SHOWN:
            return value
        return f"{value[:_BEGINNING]} … ({len(value)} characters, sha256 {hashlib.sha256(value.encode()).hexdigest()})"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else _other(key): _shown(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(inner) for inner in value]
    if attributes := _COMPARED.get(type(value).__name__):
        return {name: _shown(getattr(value, name)) for name in attributes}
    return _other(value)


def _other(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"


def _tool(name: str) -> Callable[..., str]:
    def call(self: BfclWorld, **arguments: Any) -> str:
        made = _Made(name=name, arguments=arguments)
        result = self._result(made)
        self.made.append(made)
        return result

    call.__name__ = name
    return call


for _name in CLASSES:
    for _method, _ in inspect.getmembers(getattr(_module(_name), _name), inspect.isfunction):
        if not _method.startswith("_"):
            setattr(BfclWorld, _method, _tool(_method))
