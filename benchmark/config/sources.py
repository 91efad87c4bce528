"""The sources of option values, strongest first: flags, `TOOLMARK_*`, `.env`, `[tool.toolmark]`, and the default.

An `Option` is declared once. The option's name determines its flag, its environment variable and its key in
`pyproject.toml`.

* Every value of every source is checked, even if a stronger source overrides the value. Otherwise a wrong value in a
  file would be found only when the user leaves out the flag that overrides the value.
* If an option contains several amounts (`floor`), each amount is resolved separately. So a floor on the command line is
  added to the floors of the repository and does not remove the repository's floors.
* Only the variables `TOOLMARK_*` are read from `.env`. Inspect reads the API keys in `.env`.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from toolmark.benchmark.config.option_types import AMOUNTS, Kind, shown
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import nearest

__all__ = [
    "Option",
    "OptionSource",
    "Values",
    "from_dotenv",
    "from_environment",
    "from_flags",
    "from_pyproject",
    "resolve",
]

PREFIX = "TOOLMARK_"
TABLE = "[tool.toolmark]"


@dataclass(frozen=True, slots=True)
class Option:
    """An option that a user can set.

    Attributes:
        name: The option's name with hyphens, as it is written in the flag and the key.
        kind: The type of the option's values.
        help: The text for `--help` and the documentation.
        metavar: The placeholder for a value in the help text.
        default: The default value. None means the default value of the type.
        default_text: The default value in words. If it is empty, the value itself is shown.
    """

    name: str
    kind: Kind
    help: str
    metavar: str = ""
    default: Any = None
    default_text: str = ""

    @property
    def flag(self) -> str:
        """The flag, for example `--skip-bad`."""
        return f"--{self.name}"

    @property
    def destination(self) -> str:
        """The name under which pytest stores the flag. It has a prefix, because other plug-ins also have a `seed`."""
        return f"toolmark_{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable, for example `TOOLMARK_SKIP_BAD`."""
        return PREFIX + self.name.upper().replace("-", "_")

    @property
    def value(self) -> Any:
        """The default value."""
        return self.kind.empty if self.default is None else self.default

    @property
    def example(self) -> Any:
        """A value for messages."""
        return self.kind.example or ([self.metavar] if self.kind.repeatable else self.metavar)

    @property
    def shown_default(self) -> str:
        """The default in words."""
        return self.default_text or shown(self.value)


@dataclass(frozen=True, slots=True)
class OptionSource:
    """The option values of one source, with templates for messages about the source.

    `label`, `place` and `form` are templates with the fields `{name}`, `{variable}` and `{value}`.

    Attributes:
        raw: The unparsed values, by option name.
        label: The template for the name of the source in the header.
        place: The template for the name of an option of this source in an error.
        form: The template that shows how an option with a value is written in this source.
    """

    raw: Mapping[str, Any]
    label: str
    place: str
    form: str

    def words(self, template: str, option: Option, value: str = "") -> str:
        """Fill one of the templates for an option."""
        return template.format(name=option.name, variable=option.variable, value=value)


@dataclass(frozen=True, slots=True)
class Values:
    """The value of every option, and its source.

    Attributes:
        given: The values by option name.
        changed: A text such as `limit=40 (TOOLMARK_LIMIT)` for every option whose value is not the default.
        foreign: The source of each option that was not set by a flag, by option name.
    """

    given: Mapping[str, Any]
    changed: tuple[str, ...]
    foreign: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.given[name]

    def located(self, error: InputError) -> InputError:
        """Add the sources of the options to an error that names flags.

        The source is added only for options that were not set by a flag.
        """
        flags = dict.fromkeys(re.findall(r"(?<!\S)--([a-z][a-z-]*)", error.what))
        sources = ", ".join(f"--{name} from {self.foreign[name]}" for name in flags if name in self.foreign)
        return InputError(f"{error.what} ({sources})", error.fix) if sources else error


def from_flags(raw: Mapping[str, Any]) -> OptionSource:
    """The source of the flags that were given.

    Args:
        raw: The values by option name.
    """
    return OptionSource(raw, "--{name}", "--{name}", "--{name} {value}")


def from_environment(options: Sequence[Option], environment: Mapping[str, str | None]) -> OptionSource:
    """The source of the environment variables `TOOLMARK_*`.

    Raises:
        InputError: A variable with this prefix belongs to no option.
    """
    return OptionSource(_variables(options, environment, ""), "{variable}", "{variable}", "{variable}={value}")


def from_dotenv(options: Sequence[Option], file: Path) -> OptionSource:
    """The source of `TOOLMARK_*` in a `.env` file. The source is empty if the file does not exist.

    Raises:
        InputError: The file is not UTF-8 text, or a variable with this prefix belongs to no option.
    """
    try:
        variables = dotenv_values(file, encoding="utf-8-sig", interpolate=False) if file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} cannot be read: {error}", "Write UTF-8 text with one NAME=VALUE on each line."
        ) from None
    return OptionSource(
        _variables(options, variables, f" in {file}"), ".env", f"{{variable}} in {_literal(file)}", "{variable}={value}"
    )


def _variables(options: Sequence[Option], variables: Mapping[str, str | None], where: str) -> dict[str, Any]:
    """The values by option name. As in many shell tools, an empty variable counts as not set."""
    by_variable = {option.variable: option for option in options}
    raw: dict[str, Any] = {}
    for variable, text in variables.items():
        if not variable.startswith(PREFIX):
            continue
        if variable not in by_variable:
            raise InputError(f"{variable}{where} is not an option", nearest(variable, tuple(by_variable)))
        if text:
            option = by_variable[variable]
            raw[option.name] = _split(text) if option.kind.repeatable else text
    return raw


def _split(text: str) -> list[str]:
    return [part for part in map(str.strip, text.split(",")) if part]


def from_pyproject(options: Sequence[Option], file: Path) -> OptionSource:
    """The source of `[tool.toolmark]` in a `pyproject.toml`. The source is empty if there is no such file or table.

    Raises:
        InputError: The file is not TOML, or a key belongs to no option.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}", "Correct the file.") from None
    by_name = {option.name: option for option in options}
    table = document.get("tool", {}).get("toolmark", {})
    if not isinstance(table, dict):
        raise InputError(
            f"tool.toolmark in {file} is {table!r}, which is not a table",
            f"Write the line {TABLE} and the keys below it.",
        )
    for key in table:
        if key not in by_name:
            raise InputError(f"{key} in {TABLE} of {file} is not an option", nearest(key, tuple(by_name)))
    raw = {
        key: [value] if by_name[key].kind.repeatable and isinstance(value, str) else value
        for key, value in table.items()
    }
    return OptionSource(raw, TABLE, f"{{name}} in {TABLE} of {_literal(file)}", "{name} = {value}")


def _literal(file: Path) -> str:
    return str(file).replace("{", "{{").replace("}", "}}")


def resolve(options: Sequence[Option], sources: Sequence[OptionSource]) -> Values:
    """The value of every option.

    Args:
        options: All options.
        sources: The sources, strongest first.

    Raises:
        InputError: A value is not of the option's type.
    """
    given: dict[str, Any] = {}
    changed: list[str] = []
    foreign: dict[str, str] = {}
    for option in options:
        candidates = [(_read(option, source), source) for source in sources if option.name in source.raw]
        given[option.name] = option.value
        if not candidates:
            continue
        value, strongest = candidates[0]
        parts = [(shown(value), strongest)]
        if option.kind is AMOUNTS:
            amounts = {name: (amount, source) for pairs, source in reversed(candidates) for name, amount in pairs}
            value = tuple((name, amount) for name, (amount, _) in amounts.items())
            parts = [(f"{name}={amount:g}", source) for name, (amount, source) in amounts.items()]
        if value == option.value:
            continue
        given[option.name] = value
        between = " " if option.kind is AMOUNTS else "="
        changed += [f"{option.name}{between}{text} ({source.words(source.label, option)})" for text, source in parts]
        labels = {source.words(source.label, option): None for _, source in parts}
        if set(labels) != {option.flag}:
            foreign[option.name] = " and ".join(labels)
    return Values(given, tuple(changed), foreign)


def _read(option: Option, source: OptionSource) -> Any:
    raw, kind = source.raw[option.name], option.kind
    try:
        return kind.read(raw)
    except (ValueError, OverflowError):
        place = source.words(source.place, option)
        if kind.choices and isinstance(raw, str):
            fix = nearest(raw, kind.choices)
        else:
            example = json.dumps(option.example) if source.label == TABLE else shown(option.example)
            fix = f"Write for example: {source.words(source.form, option, example)}"
        raise InputError(f"{place}: {shown(raw)} is not {kind.wants}", fix) from None
