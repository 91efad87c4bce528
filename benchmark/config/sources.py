"""Where a setting's value comes from: flags, then `TOOLMARK_*`, then `.env`, then `[tool.toolmark]`, then the default.

A `Setting` is declared once; its flag, its variable and its key in `pyproject.toml` follow from the name. Every value
of every source is read, also one that a stronger source overrides: a wrong one would otherwise wait for the day on
which the flag is left out. A setting of amounts (`floor`) is decided amount by amount, so that one more gate on the
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
    "Setting",
    "Source",
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
class Setting:
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
class Source:
    """What one source gives.

    Attributes:
        raw: Setting to value, unread.
        label: The source in the header.
        place: A setting of this source in an error.
        form: A setting with its value, as written there.
    """

    raw: Mapping[str, Any]
    label: str
    place: str
    form: str

    def words(self, template: str, setting: Setting, value: str = "") -> str:
        """One of the templates, for one setting."""
        return template.format(name=setting.name, variable=setting.variable, value=value)


@dataclass(frozen=True, slots=True)
class Values:
    """Every setting's value, and where it comes from.

    Attributes:
        given: Setting to value.
        changed: `limit=40 (TOOLMARK_LIMIT)` for every setting that is not at its default.
        foreign: Setting to source, where that is no flag.
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


def from_flags(raw: Mapping[str, Any]) -> Source:
    """Flags that were given, by setting."""
    return Source(raw, "--{name}", "--{name}", "--{name} {value}")


def from_environment(settings: Sequence[Setting], environment: Mapping[str, str | None]) -> Source:
    """`TOOLMARK_*` of the process.

    Raises:
        InputError: A variable with the prefix names no setting.
    """
    return Source(_variables(settings, environment, ""), "{variable}", "{variable}", "{variable}={value}")


def from_dotenv(settings: Sequence[Setting], file: Path) -> Source:
    """`TOOLMARK_*` of a `.env`; nothing where there is none.

    Raises:
        InputError: The file is no text, or a variable with the prefix names no setting.
    """
    try:
        found = dotenv_values(file, encoding="utf-8-sig", interpolate=False) if file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}", "Write it as UTF-8 text, NAME=VALUE a line.") from None
    return Source(
        _variables(settings, found, f" in {file}"), ".env", f"{{variable}} in {_literal(file)}", "{variable}={value}"
    )


def _variables(settings: Sequence[Setting], found: Mapping[str, str | None], where: str) -> dict[str, Any]:
    """An empty variable counts as one that is not set, as shells have it."""
    known = {setting.variable: setting for setting in settings}
    raw: dict[str, Any] = {}
    for variable, text in found.items():
        if not variable.startswith(PREFIX):
            continue
        if variable not in known:
            raise InputError(f"{variable}{where} is no setting", nearest(variable, tuple(known)))
        if text:
            setting = known[variable]
            raw[setting.name] = _split(text) if setting.kind.repeatable else text
    return raw


def _split(text: str) -> list[str]:
    return [part for part in map(str.strip, text.split(",")) if part]


def from_pyproject(settings: Sequence[Setting], file: Path) -> Source:
    """`[tool.toolmark]` of a `pyproject.toml`; nothing where there is none.

    Raises:
        InputError: The file is no TOML, or a key names no setting.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}", "Mend the file.") from None
    known = {setting.name: setting for setting in settings}
    table = document.get("tool", {}).get("toolmark", {})
    if not isinstance(table, dict):
        raise InputError(f"tool.toolmark in {file} is {table!r}, no table", f"Write {TABLE} and keys below it.")
    for key in table:
        if key not in known:
            raise InputError(f"{key} in {TABLE} of {file} is no setting", nearest(key, tuple(known)))
    raw = {
        key: [value] if known[key].kind.repeatable and isinstance(value, str) else value for key, value in table.items()
    }
    return Source(raw, TABLE, f"{{name}} in {TABLE} of {_literal(file)}", "{name} = {value}")


def _literal(file: Path) -> str:
    return str(file).replace("{", "{{").replace("}", "}}")


def resolve(settings: Sequence[Setting], sources: Sequence[Source]) -> Values:
    """Every setting from the strongest source that gives it; `sources` strongest first.

    Raises:
        InputError: A value cannot be read.
    """
    given: dict[str, Any] = {}
    changed: list[str] = []
    foreign: dict[str, str] = {}
    for setting in settings:
        found = [(_read(setting, source), source) for source in sources if setting.name in source.raw]
        given[setting.name] = setting.value
        if not found:
            continue
        value, strongest = found[0]
        parts = [(shown(value), strongest)]
        if setting.kind is AMOUNTS:
            decided = {name: (amount, source) for pairs, source in reversed(found) for name, amount in pairs}
            value = tuple((name, amount) for name, (amount, _) in decided.items())
            parts = [(f"{name}={amount:g}", source) for name, (amount, source) in decided.items()]
        if value == setting.value:
            continue
        given[setting.name] = value
        between = " " if setting.kind is AMOUNTS else "="
        changed += [f"{setting.name}{between}{text} ({source.words(source.label, setting)})" for text, source in parts]
        labels = {source.words(source.label, setting): None for _, source in parts}
        if set(labels) != {setting.flag}:
            foreign[setting.name] = " and ".join(labels)
    return Values(given, tuple(changed), foreign)


def _read(setting: Setting, source: Source) -> Any:
    raw, kind = source.raw[setting.name], setting.kind
    try:
        return kind.read(raw)
    except (ValueError, OverflowError):
        place = source.words(source.place, setting)
        if kind.choices and isinstance(raw, str):
            fix = nearest(raw, kind.choices)
        else:
            example = json.dumps(setting.example) if source.label == TABLE else shown(setting.example)
            fix = f"Write for example: {source.words(source.form, setting, example)}"
        raise InputError(f"{place}: {shown(raw)} is not {kind.wants}", fix) from None
