"""Makes one command for each plug-in of a group. The options of the plug-in are the flags of the command.

A plug-in is imported only when its command is called. The list of commands needs only the names of the entry points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from cyclopts import App, Parameter
from pydantic import BaseModel, Field, ValidationError, create_model, field_validator

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.plugin_descriptions import described
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.core.registry import Group, load, names, target

__all__ = ["checked", "plugin_command", "plugin_commands"]

Options = TypeVar("Options", bound=BaseModel)
Command = Callable[..., None]


def plugin_commands(app: App, group: Group, module: str, make: Callable[[Any], Command]) -> Callable[[str], Command]:
    """Register one command for each plug-in of a group. A command is made only when it is called.

    Args:
        app: The application to which the commands are added.
        group: The entry-point group, for example `toolmark.trainers`.
        module: Name of the calling module.
        make: Function that makes the command of a plug-in.

    Returns:
        A function that makes the command with a given name. The calling module must assign this function to
        `__getattr__`, because the application looks up a command as an attribute of the module.
    """
    kind = group.rpartition(".")[2].removesuffix("s")
    for name in names(group):
        app.command(f"{module}:{name}", name=name, help=described(target(group, name)) or f"Use the {kind} {name}.")

    def made(name: str) -> Command:
        if name not in names(group):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        with phase(f"loading the {kind} {name}"):
            plugin = load(group, name)
        return make(plugin() if isinstance(plugin, type) else plugin)

    return made


def plugin_command(run: Command, plugin: Any, parameters: Mapping[str, tuple[Any, str]]) -> Command:
    """Set the name, the help and the flags of the function `run`, which is the command of a plug-in.

    Args:
        run: The function of the command. It takes the `parameters` and `options` by keyword.
        plugin: The plug-in, with the attributes `name` and `Options`. The first line of its docstring is the help text.
        parameters: The parameters that all plug-ins of the group have: a mapping from the name to the type and the help
            text.

    Returns:
        The changed `run`.
    """
    helps = "\n".join(f"{name}:\n    {text}" for name, (_, text) in parameters.items())
    first_line = (plugin.__doc__ or plugin.name).strip().splitlines()[0]
    run.__name__ = plugin.name
    run.__doc__ = f"{first_line}\n\nParameters\n----------\n{helps}\n"
    run.__annotations__ = {
        **{name: kind for name, (kind, _) in parameters.items()},
        "options": Annotated[_flags(plugin.Options), Parameter(name="*")],
        "return": None,
    }
    return run


def _flags(options: type[BaseModel]) -> Any:
    """Return a class with the fields of `options`, which accepts every value.

    `checked` checks the values later, and raises a clearer error.
    """
    fields: dict[str, Any] = {}
    for name, field in options.model_fields.items():
        made = field.default_factory
        default: dict[str, Any] = {"default_factory": made} if made else {"default": field.default}
        fields[name] = (field.annotation, Field(description=field.description, **default))
    accept_all = field_validator("*", mode="wrap")(lambda value, _: value)
    return create_model(f"{options.__name__}Flags", __validators__={"accept_all": accept_all}, **fields)


def checked(options: type[Options], given: BaseModel | None) -> Options:
    """Return the options of a plug-in, made from the given flags.

    Args:
        options: The class `Options` of the plug-in.
        given: The values of the flags. None if there are no flags.

    Raises:
        InputError: A value has another type, or is out of bounds.
    """
    try:
        return options.model_validate(dict(given) if given is not None else {})
    except ValidationError as error:
        first = error.errors()[0]
        option, *keys = (str(part) for part in first["loc"]) if first["loc"] else ("",)
        flag = ".".join([f"--{option}".replace("_", "-"), *keys[:1]]) + " " if option else ""
        value = f"{first['input']}: " if flag else ""
        raise InputError(
            f"{flag}{value}{first['msg'].removeprefix('Value error, ')}", "Run with --help to see the allowed values."
        ) from None
