"""Where an option's value comes from: flags, then `TOOLMARK_*`, then `.env`, then `[tool.toolmark]`, then the default.

An `Option` is declared once; its flag, its variable and its key in `pyproject.toml` follow from the name. Every value
of every source is read, also one that a stronger source overrides: a wrong one would otherwise wait for the day on
which the flag is left out. An option of amounts (`floor`) is decided amount by amount, so that one more gate on the
command line does not silently lift those of the repository.

Of `.env`, only `TOOLMARK_*` is looked at: keys of model providers stay Inspect's affair.
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
    """One thing that a user can set.

    Attributes:
        name: As in the flag and the key, with hyphens.
        kind: Of its values.
        help: For `--help` and the documentation.
        metavar: Stands for a value there.
        default: None for the kind's own.
        default_text: The default in words, where the value does not say it.
    """

    name: str
    kind: Kind
    help: str
    metavar: str = ""
    default: Any = None
    default_text: str = ""

    @property
    def flag(self) -> str:
        """`--skip-bad`."""
        return f"--{self.name}"

    @property
    def destination(self) -> str:
        """Where pytest keeps the flag: other plug-ins have a `seed` too."""
        return f"toolmark_{self.name}"

    @property
    def variable(self) -> str:
        """`TOOLMARK_SKIP_BAD`."""
        return PREFIX + self.name.upper().replace("-", "_")

    @property
    def value(self) -> Any:
        """The default."""
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
    """What one source gives.

    Attributes:
        raw: Option to value, unread.
        label: The source in the header.
        place: An option of this source in an error.
        form: An option with its value, as written there.
    """

    raw: Mapping[str, Any]
    label: str
    place: str
    form: str

    def words(self, template: str, option: Option, value: str = "") -> str:
        """One of the templates, for one option."""
        return template.format(name=option.name, variable=option.variable, value=value)


@dataclass(frozen=True, slots=True)
class Values:
    """Every option's value, and where it comes from.

    Attributes:
        given: Option to value.
        changed: `limit=40 (TOOLMARK_LIMIT)` for every option that is not at its default.
        foreign: Option to source, where that is no flag.
    """

    given: Mapping[str, Any]
    changed: tuple[str, ...]
    foreign: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.given[name]

    def located(self, error: InputError) -> InputError:
        """`error`, which knows flags only, with the sources of those that were set elsewhere."""
        named = dict.fromkeys(re.findall(r"(?<!\S)--([a-z][a-z-]*)", error.what))
        sources = ", ".join(f"--{name} from {self.foreign[name]}" for name in named if name in self.foreign)
        return InputError(f"{error.what} ({sources})", error.fix) if sources else error


def from_flags(raw: Mapping[str, Any]) -> OptionSource:
    """Flags that were given, by option."""
    return OptionSource(raw, "--{name}", "--{name}", "--{name} {value}")


def from_environment(options: Sequence[Option], environment: Mapping[str, str | None]) -> OptionSource:
    """`TOOLMARK_*` of the process.

    Raises:
        InputError: A variable with the prefix names no option.
    """
    return OptionSource(_variables(options, environment, ""), "{variable}", "{variable}", "{variable}={value}")


def from_dotenv(options: Sequence[Option], file: Path) -> OptionSource:
    """`TOOLMARK_*` of a `.env`; nothing where there is none.

    Raises:
        InputError: The file is no text, or a variable with the prefix names no option.
    """
    try:
        found = dotenv_values(file, encoding="utf-8-sig", interpolate=False) if file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}", "Write it as UTF-8 text, NAME=VALUE a line.") from None
    return OptionSource(
        _variables(options, found, f" in {file}"), ".env", f"{{variable}} in {_literal(file)}", "{variable}={value}"
    )


def _variables(options: Sequence[Option], found: Mapping[str, str | None], where: str) -> dict[str, Any]:
    """An empty variable counts as one that is not set, as shells have it."""
    known = {option.variable: option for option in options}
    raw: dict[str, Any] = {}
    for variable, text in found.items():
        if not variable.startswith(PREFIX):
            continue
        if variable not in known:
            raise InputError(f"{variable}{where} is no option", nearest(variable, tuple(known)))
        if text:
            option = known[variable]
            raw[option.name] = _split(text) if option.kind.repeatable else text
    return raw


def _split(text: str) -> list[str]:
    return [part for part in map(str.strip, text.split(",")) if part]


def from_pyproject(options: Sequence[Option], file: Path) -> OptionSource:
    """`[tool.toolmark]` of a `pyproject.toml`; nothing where there is none.

    Raises:
        InputError: The file is no TOML, or a key names no option.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}", "Mend the file.") from None
    known = {option.name: option for option in options}
    table = document.get("tool", {}).get("toolmark", {})
    if not isinstance(table, dict):
        raise InputError(f"tool.toolmark in {file} is {table!r}, no table", f"Write {TABLE} and keys below it.")
    for key in table:
        if key not in known:
            raise InputError(f"{key} in {TABLE} of {file} is no option", nearest(key, tuple(known)))
    raw = {
        key: [value] if known[key].kind.repeatable and isinstance(value, str) else value for key, value in table.items()
    }
    return OptionSource(raw, TABLE, f"{{name}} in {TABLE} of {_literal(file)}", "{name} = {value}")


def _literal(file: Path) -> str:
    return str(file).replace("{", "{{").replace("}", "}}")


def resolve(options: Sequence[Option], sources: Sequence[OptionSource]) -> Values:
    """Every option from the strongest source that gives it; `sources` strongest first.

    Raises:
        InputError: A value cannot be read.
    """
    given: dict[str, Any] = {}
    changed: list[str] = []
    foreign: dict[str, str] = {}
    for option in options:
        found = [(_read(option, source), source) for source in sources if option.name in source.raw]
        given[option.name] = option.value
        if not found:
            continue
        value, strongest = found[0]
        parts = [(shown(value), strongest)]
        if option.kind is AMOUNTS:
            decided = {name: (amount, source) for pairs, source in reversed(found) for name, amount in pairs}
            value = tuple((name, amount) for name, (amount, _) in decided.items())
            parts = [(f"{name}={amount:g}", source) for name, (amount, source) in decided.items()]
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
