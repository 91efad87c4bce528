"""Reads the values of options from their sources.

The sources are, from the strongest to the weakest: flags, environment variables `TOOLMARK_*`, `.env`,
`[tool.toolmark]` in `pyproject.toml`, and the default. The name of an `Option` determines its flag, its environment
variable and its key in `pyproject.toml`.

* The values of all sources are checked, even if a stronger source overrides them. So a user learns of a wrong value in
  a file at once, even if a flag overrides this value.
* The value of the option `floor` consists of several amounts. Each amount is looked up separately. For example, a floor
  on the command line is added to the floors in `pyproject.toml`.
* From `.env`, only the variables `TOOLMARK_*` are read. See `inspect_dotenv.py` for the reason.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from toolmark.benchmark.config.option_types import AMOUNTS, Kind, shown
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import nearest
from toolmark.benchmark.core.user_toml import toml_table

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
        name: The name of the option with hyphens, as in the flag and the key.
        kind: The type of the values.
        help: The text for `--help` and the documentation.
        metavar: The word that stands for a value in the help text.
        default: The default value. None means the default value of the type.
        default_text: The default value in words. If empty, the default value itself is shown.
    """

    name: str
    kind: Kind
    help: str
    metavar: str = ""
    default: Any = None
    default_text: str = ""

    @property
    def flag(self) -> str:
        """Return the flag, for example `--skip-bad`."""
        return f"--{self.name}"

    @property
    def destination(self) -> str:
        """Return the name under which pytest stores the flag. The prefix avoids clashes with other plug-ins."""
        return f"toolmark_{self.name}"

    @property
    def variable(self) -> str:
        """Return the environment variable, for example `TOOLMARK_SKIP_BAD`."""
        return PREFIX + self.name.upper().replace("-", "_")

    @property
    def value(self) -> Any:
        """Return the default value."""
        return self.kind.empty if self.default is None else self.default

    @property
    def example(self) -> Any:
        """Return an example of a value, for messages."""
        return self.kind.example or ([self.metavar] if self.kind.repeatable else self.metavar)

    @property
    def shown_default(self) -> str:
        """Return the default value in words."""
        return self.default_text or shown(self.value)


@dataclass(frozen=True, slots=True)
class OptionSource:
    """The values of options in one source, with templates for messages.

    The templates `label`, `place` and `form` can contain `{name}`, `{variable}` and `{value}`.

    Attributes:
        raw: The values before parsing, by the name of the option.
        label: How the header of a run names the source, for example `.env`.
        place: How an error names an option of this source, for example `TOOLMARK_LIMIT in .env`.
        form: How an option is set in this source, for example `TOOLMARK_LIMIT=40`.
    """

    raw: Mapping[str, Any]
    label: str
    place: str
    form: str

    def words(self, template: str, option: Option, value: str = "") -> str:
        """Return `template` with the name and the variable of `option`, and with `value`."""
        return template.format(name=option.name, variable=option.variable, value=value)


@dataclass(frozen=True, slots=True)
class Values:
    """The values of all options, and their sources.

    Attributes:
        given: The values, by the name of the option.
        changed: For every option whose value is not the default, a text like `limit=40 (TOOLMARK_LIMIT)`.
        foreign: The sources of the options that were not set by a flag, by the name of the option.
    """

    given: Mapping[str, Any]
    changed: tuple[str, ...]
    foreign: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.given[name]

    def located(self, error: InputError) -> InputError:
        """Return an error that also says where options were set.

        For example, the error about `--margin` becomes an error about `--margin from .env`. An option that was set by a
        flag stays unchanged.
        """
        flags = dict.fromkeys(re.findall(r"(?<!\S)--([a-z][a-z-]*)", error.what))
        sources = ", ".join(f"--{name} from {self.foreign[name]}" for name in flags if name in self.foreign)
        return InputError(f"{error.what} ({sources})", error.fix) if sources else error


def from_flags(raw: Mapping[str, Any]) -> OptionSource:
    """Return the flags as a source of values.

    Args:
        raw: The values of the flags that were given, by the name of the option.
    """
    return OptionSource(raw, "--{name}", "--{name}", "--{name} {value}")


def from_environment(options: Sequence[Option], environment: Mapping[str, str | None]) -> OptionSource:
    """Return the environment variables `TOOLMARK_*` as a source of values.

    Raises:
        InputError: A variable `TOOLMARK_*` is not the variable of an option.
    """
    return OptionSource(_variables(options, environment, ""), "{variable}", "{variable}", "{variable}={value}")


def from_dotenv(options: Sequence[Option], file: Path) -> OptionSource:
    """Return the variables `TOOLMARK_*` in a `.env` file as a source of values. If the file does not exist, the source
    is empty.

    Raises:
        InputError: The file is not UTF-8 text, or a variable `TOOLMARK_*` is not the variable of an option.
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
    """Return the values by the name of the option. An empty variable counts as not set, as in many shell tools."""
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
    """Return the table `[tool.toolmark]` in a `pyproject.toml` as a source of values.

    If the file or the table does not exist, the source is empty.

    Raises:
        InputError: The file is not TOML, or a key is not the name of an option.
    """
    try:
        document = toml_table(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}", "Correct the file.") from None
    by_name = {option.name: option for option in options}
    tools = document.get("tool", {})
    table = tools.get("toolmark", {}) if isinstance(tools, dict) else {}
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
    """Return the value of every option, from the strongest source that sets the option.

    Args:
        options: All options.
        sources: The sources, from the strongest to the weakest.

    Raises:
        InputError: A value does not have the type of the option.
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
            if source.label != TABLE and '"' in example:
                example = shlex.quote(example)
            fix = f"Write for example: {source.words(source.form, option, example)}"
        raise InputError(f"{place}: {shown(raw)} is not {kind.wants}", fix) from None
