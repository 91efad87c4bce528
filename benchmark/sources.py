"""Where a setting's value comes from: flags, then `TOOLMARK_*`, then `.env`, then `[tool.toolmark]`, then the default.

A `Setting` is declared once; its flag, its variable and its key in `pyproject.toml` follow from the name. Every value
of every source is read, also one that a stronger source overrides: a wrong one would otherwise wait for the day on
which the flag is left out. A setting of amounts (`floor`) is decided amount by amount, so that one more gate on the
command line does not silently lift those of the repository.

Of `.env`, only `TOOLMARK_*` is looked at: keys of model providers stay Inspect's affair.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from benchmark.errors import InputError
from benchmark.registry import nearest

__all__ = [
    "AMOUNTS",
    "NUMBER",
    "SWITCH",
    "TEXT",
    "TEXTS",
    "WHOLE",
    "Kind",
    "Setting",
    "Values",
    "choice",
    "from_dotenv",
    "from_environment",
    "from_flags",
    "from_pyproject",
    "resolve",
]

PREFIX = "TOOLMARK_"
TABLE = "[tool.toolmark]"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting's values are.

    Attributes:
        read: From text or a TOML value, where repeatable from a list or a TOML table; ValueError where it is none.
        wants: A value in words, as in "is not a whole number".
        example: A value for messages.
        empty: The default where a setting names none.
        choices: Allowed words, where there are only these.
    """

    read: Callable[[Any], Any]
    wants: str
    example: Any
    empty: Any = None
    choices: tuple[str, ...] = ()

    @property
    def repeatable(self) -> bool:
        """Several values: a flag given again, text split at commas, a TOML array."""
        return isinstance(self.empty, tuple)


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError
    return raw


def _number(raw: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float) or not math.isfinite(float(raw)):
        raise ValueError
    return float(raw)


def _whole(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise ValueError
    return int(raw)


def _switch(raw: Any) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    word = str(raw).lower()
    if word not in words:
        raise ValueError
    return words[word]


def _texts(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise ValueError
    return tuple(map(_text, raw))


def _amounts(raw: Any) -> tuple[tuple[str, float], ...]:
    if isinstance(raw, dict):
        return tuple(_flat(raw))
    pairs = [text.partition("=") for text in _texts(raw)]
    if not all(name.strip() for name, _, _ in pairs):
        raise ValueError
    return tuple((name.strip(), _number(value)) for name, _, value in pairs)


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    """`timing.recall = 0.8` is a table in a table to TOML where the key is not quoted."""
    pairs = []
    for name, value in table.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{name}.")
        else:
            pairs.append((prefix + name, _number(value)))
    return pairs


TEXT = Kind(_text, "a text", "pocket")
TEXTS = Kind(_texts, "a list of texts", ["pocket"], empty=())
WHOLE = Kind(_whole, "a whole number", 40)
NUMBER = Kind(_number, "a finite number", 0.5)
SWITCH = Kind(_switch, "true, false, 1 or 0", True, empty=False)
AMOUNTS = Kind(_amounts, "METRIC=NUMBER", ["timing.recall=0.8"], empty=())


def choice(*words: str) -> Kind:
    """One of `words`."""

    def read(raw: Any) -> str:
        if raw not in words:
            raise ValueError
        return str(raw)

    return Kind(read, f"one of {', '.join(words)}", words[0], choices=words)


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
    def shown_default(self) -> str:
        """The default in words."""
        return self.default_text or _shown(self.value)


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
    """Every setting's value, and where those that are not at their default come from.

    Attributes:
        given: Setting to value.
        origins: Setting to what the header says of it: one text a value of its own.
        foreign: Setting to source, where that is no flag.
    """

    given: Mapping[str, Any]
    origins: Mapping[str, tuple[str, ...]]
    foreign: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.given[name]

    def changed(self) -> list[str]:
        """`limit=40 (TOOLMARK_LIMIT)` for every setting that is not at its default."""
        return [text for texts in self.origins.values() for text in texts]

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
        found = dotenv_values(file) if file.is_file() else {}
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
    origins: dict[str, tuple[str, ...]] = {}
    foreign: dict[str, str] = {}
    for setting in settings:
        found = [(_read(setting, source), source) for source in sources if setting.name in source.raw]
        given[setting.name] = setting.value
        if not found:
            continue
        value, strongest = found[0]
        shown = [(_shown(value), strongest)]
        if setting.kind is AMOUNTS:
            decided = {name: (amount, source) for pairs, source in reversed(found) for name, amount in pairs}
            value = tuple((name, amount) for name, (amount, _) in decided.items())
            shown = [(f"{name}={amount:g}", source) for name, (amount, source) in decided.items()]
        if value == setting.value:
            continue
        given[setting.name] = value
        between = " " if setting.kind is AMOUNTS else "="
        origins[setting.name] = tuple(
            f"{setting.name}{between}{text} ({source.words(source.label, setting)})" for text, source in shown
        )
        labels = {source.words(source.label, setting): None for _, source in shown}
        if set(labels) != {setting.flag}:
            foreign[setting.name] = " and ".join(labels)
    return Values(given, origins, foreign)


def _read(setting: Setting, source: Source) -> Any:
    raw, kind = source.raw[setting.name], setting.kind
    try:
        return kind.read(raw)
    except (ValueError, OverflowError):
        place = source.words(source.place, setting)
        if kind.choices and isinstance(raw, str):
            fix = nearest(raw, kind.choices)
        else:
            example = json.dumps(kind.example) if source.label == TABLE else _shown(kind.example)
            fix = f"Write for example: {source.words(source.form, setting, example)}"
        raise InputError(f"{place}: {_shown(raw)} is not {kind.wants}", fix) from None


def _shown(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case list() | tuple():
            return ",".join(map(_shown, value)) or "none"
    return str(value)
