"""Reads tools from typed Python functions. Every public function of a module becomes a tool.

- The JSON Schema of the arguments is made from the types and default values of the parameters. Every parameter must
  have a type. `Literal` and `Annotated[..., Field(...)]` are allowed, too. The schema allows
  no other arguments.
- The description of the tool is the text of the docstring.
- The description of an argument is the text in `Annotated[str, "text"]` or in `Field(description="text")`. If there is
  no such text, the description is read from the section `Args` of the docstring.

The built-in catalog is read by the same code.
"""

from __future__ import annotations

import ast
import inspect
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docstring_parser
from pydantic.errors import PydanticUserError

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.strict_json import check_json
from toolmark.benchmark.core.user_paths import did_you_mean
from toolmark.benchmark.data.cases import Effects, Tool
from toolmark.benchmark.tools.effects import declared_effects
from toolmark.benchmark.tools.implementations import import_source, is_file_source
from toolmark.benchmark.tools.schemas import SchemaError, check_schema, subschemas
from toolmark.benchmark.tools.sources import GoodTools, LocatedError, ToolsFile
from toolmark.benchmark.tools.sources.annotated_texts import describe_arguments
from toolmark.benchmark.tools.sources.argument_schema import argument_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

__all__ = ["function_tool", "imported_module", "place_of", "read_python", "tools_from_python"]


def tools_from_python(source: str | Path, *, default_effects: Effects = "write") -> tuple[Tool, ...]:
    """Return the tools of a module or file. The arguments are those of `read_python`.

    Raises:
        InputError: The source cannot be read, or a public function cannot be a tool. The error contains the file and
            the line.
    """
    read = read_python(source, default_effects=default_effects)
    if read.notes:
        raise InputError(f"{read.notes[0].place}: {read.notes[0].what}", read.notes[0].fix)
    return read.tools


def read_python(source: str | Path, *, default_effects: Effects = "write") -> ToolsFile:
    """Return every public function of a module or file as a tool, in the order of definition.

    A function that cannot be a tool is left out with a note.

    The functions in `__all__` are public. If there is no `__all__`, functions without a leading underscore are public.
    Imported functions are ignored.

    Args:
        source: The name of a module (`my.tools`), or the path of a file (`my_tools.py`).
        default_effects: Effects of a function that declares no effects.

    Raises:
        InputError: The source cannot be read, or no function can be a tool. The error contains the file and the line.
    """
    module, file, run = imported_module(source)
    functions = list(_public_functions(module))
    if not functions:
        raise InputError(f"{file}: no public function is defined here", "Define a typed function for each tool.")
    repeated = _repeated_definitions(module)
    good = GoodTools()
    for function in functions:
        name = function.__name__
        with good.one():
            if name in repeated:
                first, again = repeated[name]
                what = f"{name} is already defined on line {first}"
                raise LocatedError(f"{file}:{again}", what, "Rename one of the two functions.")
            good.add(function_tool(function, file, f"{run}:{name}", default_effects), place_of(function, file))
    good.check()
    places: dict[tuple[str, ...], str] = {(function.__name__,): place_of(function, file) for function in functions}
    return ToolsFile(tuple(good.tools.values()), {}, places, tuple(good.notes))


def imported_module(source: str | Path) -> tuple[ModuleType, str, str]:
    """Import a module or file that the user named.

    Returns:
        Three values: the module, the path of its file for error messages, and the source in the names of its
            implementations. For example, `my.tools` is the source in the name `my.tools:add` (`Tool.run`).

    Raises:
        InputError: The source cannot be imported. The error contains the file and the line.
    """
    module = _imported(source)
    run = str(Path(source).resolve()) if is_file_source(source) else module.__name__
    return module, module.__file__ or module.__name__, run


def _imported(source: str | Path) -> ModuleType:
    if is_file_source(source) and not Path(source).is_file():
        raise InputError(
            f"There is no file {source}",
            did_you_mean(source, "Give the path of an existing .py file, or the name of a module."),
        )
    try:
        return import_source(source)
    except SyntaxError as error:
        place = f"{error.filename or source}:{error.lineno or 1}"
        raise InputError(f"{place}: {error.msg}", "Correct the Python syntax.") from None
    except ModuleNotFoundError as error:
        if error.name and str(source).startswith(error.name):
            raise InputError(f"There is no module {source}", _nearest_source(str(source))) from None
        raise _import_failure(source, error) from error
    except (Exception, SystemExit) as error:
        raise _import_failure(source, error) from error


def _nearest_source(module: str) -> str:
    """Return what to do if a module cannot be found. The current folder may contain a file with its code."""
    file = Path(*module.split(".")).with_suffix(".py")
    if file.is_file():
        return f"Give the path of the file: {file}"
    return "Install the module, or give the path of a .py file."


def _import_failure(source: str | Path, error: Exception | SystemExit) -> InputError:
    place = str(source)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if is_file_source(source) and Path(frame.filename) == Path(source).resolve()]
    if last := (own or frames)[-1:]:
        place = f"{last[0].filename}:{last[0].lineno}"
    fix = "Correct the error, so that the module can be imported."
    if isinstance(error, SystemExit):
        fix = 'The module ends Python. Put the code of the program below if __name__ == "__main__":'
    return InputError(f"{place}: importing {source} failed: {type(error).__name__}: {error}", fix)


def _repeated_definitions(module: ModuleType) -> dict[str, tuple[int, int]]:
    """Return the public functions that the module defines more than once.

    Returns:
        The name of each of these functions, with the lines of the first and of the second definition.
    """
    # If several functions have the same name, the module object contains only the last of them. So the source text is
    # searched, which contains all of them.
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError):
        return {}
    first: dict[str, int] = {}
    repeated: dict[str, tuple[int, int]] = {}
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        if any("overload" in ast.unparse(mark) for mark in node.decorator_list):
            continue
        if node.name in first:
            repeated.setdefault(node.name, (first[node.name], node.lineno))
        first.setdefault(node.name, node.lineno)
    return repeated


def _public_functions(module: ModuleType) -> Iterator[Callable[..., Any]]:
    listed = getattr(module, "__all__", None)
    for name, value in vars(module).items():
        if (
            inspect.isfunction(value)
            and value.__module__ == module.__name__
            and (name in listed if listed is not None else not name.startswith("_"))
        ):
            yield value


def function_tool(function: Callable[..., Any], file: str, run: str, default_effects: Effects) -> Tool:
    """Return the tool that a typed function or bound method defines.

    Args:
        function: The function.
        file: The file that defines the function, for error messages.
        run: The name of the implementation, which becomes `Tool.run`.
        default_effects: Effects of a function that declares no effects.

    Raises:
        LocatedError: The function cannot be a tool.
    """
    name = function.__name__
    place = place_of(function, file)
    if inspect.iscoroutinefunction(function):
        raise LocatedError(
            place,
            f"{name} is async",
            "Write a normal function. If the function is not a tool, let its name begin with _.",
        )
    _check_signature(function, place)
    documentation = docstring_parser.parse(inspect.getdoc(function) or "")
    description = " ".join(
        " ".join(part.split()) for part in (documentation.short_description, documentation.long_description) if part
    )
    if not description:
        fix = (
            "Write a docstring that tells a model what the tool does. If the function is not a tool, let its name "
            "begin with _."
        )
        raise LocatedError(place, f"{name} has no docstring", fix)
    try:
        parameters = argument_schema(function)
        _drop_titles(parameters)
        describe_arguments(parameters, function)
        for parameter in documentation.params:
            shown = parameters["properties"].get(parameter.arg_name)
            if shown is not None and parameter.description and parameter.description.strip():
                shown.setdefault("description", " ".join(parameter.description.split()))
        check_schema(check_json(parameters))
    except (PydanticUserError, SchemaError, NameError, TypeError, AttributeError, SyntaxError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        fix = "Use types that have a JSON Schema: str, int, float, bool, list, dict, Literal, dates, pydantic models."
        raise LocatedError(place, f"the arguments of {name} have no JSON Schema: {reason}", fix) from None
    return Tool(
        name=name,
        description=description,
        parameters=parameters,
        run=run,
        effects=declared_effects(function, default_effects),
    )


def place_of(function: Callable[..., Any], file: str) -> str:
    """Return where a function is defined, as `file:line`."""
    return f"{file}:{inspect.unwrap(function).__code__.co_firstlineno}"


def _check_signature(function: Callable[..., Any], place: str) -> None:
    for parameter in inspect.signature(function).parameters.values():
        name = function.__name__
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            raise LocatedError(
                place, f"{name} takes {stars}{parameter.name}", "Write each argument as a named parameter."
            )
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise LocatedError(
                place, f"{name}: {parameter.name} is positional only", "Remove the / from the signature."
            )
        if parameter.annotation is parameter.empty:
            fix = f"Write the type of the argument, for example {parameter.name}: str."
            raise LocatedError(place, f"{name}: argument {parameter.name} has no type", fix)


def _drop_titles(parameters: dict[str, Any]) -> None:
    """Remove the keyword `title`, which pydantic writes into schemas, because titles cost tokens.

    An argument with the name `title` stays.
    """
    for _, schema in list(subschemas(parameters)):
        schema.pop("title", None)
