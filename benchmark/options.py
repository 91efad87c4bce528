"""A plug-in's options as command-line flags: from a pydantic model, and back into it with errors in words."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError, create_model

from benchmark.errors import InputError

__all__ = ["checked", "flags"]

Options = TypeVar("Options", bound=BaseModel)


def flags(options: type[BaseModel]) -> Any:
    """The fields of `options` without their bounds: `checked` holds those, where the error can be worded."""
    fields: dict[str, Any] = {}
    for name, field in options.model_fields.items():
        made = field.default_factory
        default: dict[str, Any] = {"default_factory": made} if made else {"default": field.default}
        fields[name] = (field.annotation, Field(description=field.description, **default))
    return create_model(f"{options.__name__}Flags", **fields)


def checked(options: type[Options], given: BaseModel | None) -> Options:
    """`given` flags as the plug-in's own options.

    Raises:
        InputError: A value is out of its bounds.
    """
    try:
        return options.model_validate(given.model_dump() if given is not None else {})
    except ValidationError as error:
        first = error.errors()[0]
        flag = "".join(f"--{part} ".replace("_", "-") for part in first["loc"][:1])
        value = f"{first['input']!r}: " if flag else ""
        raise InputError(f"{flag}{value}{first['msg'].removeprefix('Value error, ')}", "See --help.") from None
