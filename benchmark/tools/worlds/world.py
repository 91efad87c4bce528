"""The base class of worlds. A world is a set of tools that share a state, for example the accounts of a bank.

    class Lamp(World):
        on: bool = False

        def switch(self, on: bool) -> str:
            \"\"\"Switch the lamp on or off.\"\"\"
            if on == self.on:
                raise ToolError("The lamp is already on." if on else "The lamp is already off.")
            self.on = on
            return "done"

The fields of the class are the state. Every public method of the class is a tool. The docstring and the types of the
method describe the tool, as in a module of functions.

Equal calls in equal states must give equal results. So a world has no clock, no randomness, no files and no network.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Iterable
from string import ascii_lowercase
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainValidator, ValidationError
from pydantic_core import to_jsonable_python

__all__ = ["Part", "Record", "ToolError", "World", "listed", "new_id", "stateful", "tool_methods", "with_id"]

_LONGEST_REASON = 2000
"""The sandbox hides secrets in a reason, and then shows its first 500 characters."""


class ToolError(ValueError):
    """A call cannot be carried out. The message is the result of the call, so it is written for the model."""


class Part(BaseModel):
    """Base class of the parts of a state, for example of an account. A part is JSON. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")


class Record(Part):
    """Base class of the parts that a world numbers itself, for example of an order. A list holds the records.

    Attributes:
        id: Letters and a number, for example `o7`.
    """

    id: Annotated[str, Field(pattern=r"^[a-z]+[0-9]{1,9}$")]


R = TypeVar("R", bound=Record)


def new_id(prefix: str, records: Iterable[Record]) -> str:
    """Return the id of the next record: the prefix and the number after the largest number in use.

    Args:
        prefix: The letters before the number.
        records: The records that exist.
    """
    return f"{prefix}{1 + max((int(record.id.lstrip(ascii_lowercase)) for record in records), default=0)}"


def with_id(records: Iterable[R], wanted: str, what: str) -> R:
    """Return the record whose id is `wanted`.

    Args:
        records: The records.
        wanted: The id.
        what: What a record is, for the message of the error. Example: "event".

    Raises:
        ToolError: No record has this id.
    """
    for record in records:
        if record.id == wanted:
            return record
    raise ToolError(f"There is no {what} {wanted!r}.")


def listed(names: Iterable[str]) -> str:
    """Return names for the message of a `ToolError`, with commas between them."""
    return ", ".join(names) or "none"


class World(BaseModel):
    """Base class of worlds. Derived classes define the state as fields, and the tools as public methods.

    A tool raises `ToolError` if it cannot carry out a call. A call that fails changes nothing, because its changes are
    dropped.
    """

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def from_state(cls, state: JsonValue) -> Self:
        """Return a world in the state `state`, which is JSON.

        Raises:
            ValueError: `state` is no state of this world.
        """
        return cls.model_validate(state)

    def state(self) -> JsonValue:
        """Return the state of this world as JSON."""
        state: JsonValue = self.model_dump(mode="json")
        return state


def tool_methods(world: type[World]) -> list[Callable[..., Any]]:
    """Return the tools of a world as functions that have no argument `self`, in the order of definition.

    The functions are for descriptions. They cannot be called. The tools of base classes come first.
    """
    names: dict[str, None] = {}
    for base in reversed(world.__mro__):
        if issubclass(base, World) and base is not World:
            names |= dict.fromkeys(
                name for name, value in vars(base).items() if inspect.isfunction(value) and not name.startswith("_")
            )
    return [_without_self(getattr(world, name)) for name in names if name not in vars(World)]


def _without_self(method: Callable[..., Any]) -> Callable[..., Any]:
    # pydantic finds the types that a string annotation names only for plain functions, not for bound methods.
    @functools.wraps(method)
    def described() -> None:
        raise TypeError(f"{method.__name__} needs a world")

    _, *others = inspect.signature(method).parameters.values()
    described.__signature__ = inspect.Signature(others)  # type: ignore[attr-defined]
    return described


def stateful(world: type[World], name: str) -> Callable[..., Any]:
    """Return a function that calls a method of a world. The state of the world is an argument and a result.

    The argument `self` of the function is the state as JSON. The result is an object with one of three forms:

    - `{"value": …, "state": …}`: what the method returned, and the state after the call
    - `{"refused": …}`: the message of the `ToolError` that the method raised
    - `{"broken": …}`: why the call failed in another way, which is a defect of the world. For example, the method
      raised another exception, its result cannot be written as JSON, or the world cannot read its own state back.

    Args:
        world: The world.
        name: The name of a public method.

    Raises:
        AttributeError: The world has no method with this name.
    """
    method = getattr(world, name)

    @functools.wraps(method)
    def call(self: World, *values: Any, **named: Any) -> JsonValue:
        try:
            value = to_jsonable_python(method(self, *values, **named))
            state = self.state()
            text = json.dumps({"value": value, "state": state}, ensure_ascii=False, allow_nan=False)
            text.encode()  # A lone surrogate cannot be written to a file.
            return _readable(world, text)
        except ToolError as error:
            return {"refused": _shown(str(error))}
        except MemoryError:  # The sandbox reports it.
            raise
        except BaseException as error:  # `sys.exit` and `KeyboardInterrupt` are defects, too.
            told = str(error) if isinstance(error, _UnreadableState) else f"{type(error).__name__}: {error}"
            return {"broken": _shown(told)}

    # The arguments of a call are validated by the types of the method. The same validation makes the world.
    typed = Annotated[Any, PlainValidator(world.from_state)]
    first, *others = inspect.signature(method).parameters.values()
    signature = inspect.Signature([first.replace(annotation=typed), *others])
    call.__annotations__ = {**method.__annotations__, first.name: typed}
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


class _UnreadableState(Exception):
    """A world cannot read back a state that it wrote."""


def _readable(world: type[World], answer: str) -> JsonValue:
    """Return the answer of a call, if the world can read the state in it back.

    Later calls, and a run that is continued, begin with this state.
    """
    made: dict[str, JsonValue] = json.loads(answer)
    try:
        world.from_state(made["state"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise _UnreadableState(f"the state after the call cannot be read back: {place}: {first['msg']}") from None
    except ValueError as error:
        raise _UnreadableState(f"the state after the call cannot be read back: {error}") from None
    return made


def _shown(reason: str) -> str:
    return reason[:_LONGEST_REASON].encode(errors="backslashreplace").decode()
