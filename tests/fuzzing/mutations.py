"""Damages inputs: bytes, lines of text, and the structure of JSON and YAML. A seed always gives the same damage."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Literal

__all__ = ["Format", "damaged", "damaged_bytes", "damaged_value", "written"]

Format = Literal["bytes", "json", "jsonl", "toml", "yaml"]

_MOST_DAMAGES = 3
_RAW = "\ue000{}\ue000"
"""Stands in a value for a text that no JSON writer would write."""

_WILD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**31, 2**63, 10**9, 10**30, 1e308, -1e-320),
    *("", " ", "\x00", "\x1b[2J\x07", "\u202eabc", "a" * 100_000, "\ud800", "\ufeff", "null", "0", "no", "2025-01-01"),
    *("^(a+)+$", "(?=a)", "(", "\\p{Greek}", "#/a", "http://127.0.0.1:9/x", "file:///etc/passwd", "../../..", "{x}"),
    *([], {}, [[]], [None], [{}], {"": None}, {"$ref": "#"}, {"type": 7}, [1, "a", None], {"a": {"b": [{}]}}),
)
_RAW_TEXTS: tuple[str, ...] = (
    *("9" * 5000, "-" + "9" * 400, "1e999", "NaN", "Infinity", "01", "+1", "'a'", "tru", '"\\ud800"', '"\\u0000"'),
    *('{"a": 1, "a": 2}', '"\\x"', "[1,]", "", "undefined", "/* */ 1"),
)
_TAGS: tuple[str, ...] = (
    *("!!int", "!!float", "!!bool", "!!null", "!!binary", "!!timestamp", "!!set", "!!omap", "!!str", "!!map", "!!seq"),
    *("!!python/name:os.system", "!!python/object/apply:os.system", "!own", "!", "&a", "*a", "<<: *a", "?", "|", ">-"),
    *("%", "@", "`", "- -", "{", "[", "]", "'", '"', "#", "---", "..."),
)
_SCALARS: tuple[str, ...] = (
    *("0x" + "f" * 4000, "9" * 5000, "0o777", "1_000", "1e999", ".nan", "-.inf", "~", "yes", "2025-02-30", "1:61:61"),
    *('"\\ud800"', '"\\uDFFF x"', '"\\x00"', "!!int abc", "!!float [1]", "!!timestamp x", "[" * 2000, "{a: " * 300),
    *("*nowhere", "&x [*x]", "1979-05-27T07:32:00Z", "inf", "'''", '"""', "[[]]", "{}", "= 1", "\t1"),
)
_INSERTED = (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"\r", b"\n", b"\x1f\x8b", b"\x1b[2J", b"9" * 30)

Place = tuple[Any, ...]


def damaged(content: bytes, random: Random, form: Format) -> bytes:
    """Return `content` with one to three damages. Some damages keep the format readable, so that checks are reached."""
    for _ in range(random.randint(1, _MOST_DAMAGES)):
        content = random.choice(_WAYS[form])(content, random)
    return content


def damaged_bytes(content: bytes, random: Random) -> bytes:
    """Return `content` with bytes that are cut, changed, removed, repeated or put in."""
    start = random.randrange(len(content) + 1)
    end = min(len(content), start + random.choice((1, 2, 20, 300)))
    inserted = random.choice(
        (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"\r", b"\n", b"\x1f\x8b", b"\x1b[2J", b"9" * 30)
    )
    match random.randrange(8):
        case 0:
            return content[:start]
        case 1:
            return content[:start] + bytes(random.randrange(256) for _ in range(end - start)) + content[end:]
        case 2:
            return content[:start] + content[end:]
        case 3:
            return content[:end] + content[start:end] * random.choice((1, 50)) + content[end:]
        case 4:
            return content[:start] + inserted + content[start:]
        case 5:
            return content.replace(b"\n", b"\r\n")
        case 6:
            return re.sub(
                rb"\d+", random.choice((b"9" * 30, b"-1", b"1e400", b"0")), content, count=random.randint(1, 3)
            )
    return content[start:] + content[:start]


def damaged_value(value: Any, random: Random) -> Any:
    """Return a copy of a value of JSON's types in which one part has another type, is missing, or stands elsewhere."""
    value = copy.deepcopy(value)
    places = list(_places(value))
    place, other = random.choice(places), random.choice(places)
    if not place:
        return random.choice((_wild(random), [value], {"a": value}))
    holder, key = _at(value, place[:-1]), place[-1]
    own = holder[key]
    match random.randrange(10):
        case 0 | 1 | 2:
            holder[key] = _wild(random)
        case 3:
            holder[key] = _RAW.format(_raw(random))
        case 4:
            del holder[key]
        case 5:
            holder[key] = copy.deepcopy(_at(value, other))
        case 6:
            holder[key] = random.choice(([own], {"a": own}, [own, own], str(own), {str(own)[:40]: own}))
        case 7 if isinstance(holder, list):
            holder[key:key] = [copy.deepcopy(own) for _ in range(random.choice((1, 1, 500)))]
        case 7 | 8 if isinstance(holder, dict):
            del holder[key]
            holder[random.choice((*map(str, _WILD), str(other[-1]) if other else "a", "$ref", "type"))] = own
        case 8:
            random.shuffle(holder)
        case _:
            holder[key] = _deep(own, random.choice((3, 70, 400)))
    return value


def written(value: Any) -> str:
    """Return a damaged value as JSON text. Raw texts stand in it unchanged."""
    text = json.dumps(value)
    return re.sub(r'"\\ue000(.*?)\\ue000"', lambda found: json.loads(f'"{found[1]}"'), text)


def _wild(random: Random) -> Any:
    return copy.deepcopy(random.choice(_WILD))


def _raw(random: Random) -> str:
    depth = random.choice((70, 900, 5_000, 100_000))
    deep = ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth, "[" * depth)
    return random.choice((*_RAW_TEXTS, *deep))


def _deep(value: Any, depth: int) -> Any:
    for level in range(depth):
        value = [value] if level % 2 else {"properties": value}
    return value


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        if len(place) < 40:
            yield from _places(below, (*place, key))


def _at(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


def _json(content: bytes, random: Random) -> bytes:
    try:
        return _encoded(written(damaged_value(json.loads(content), random)))
    except (ValueError, RecursionError):  # because of an earlier damage
        return damaged_bytes(content, random)


def _jsonl(content: bytes, random: Random) -> bytes:
    lines = content.split(b"\n")
    index = random.randrange(len(lines))
    lines[index] = _json(lines[index], random)
    return b"\n".join(lines)


def _scalars(content: bytes, random: Random) -> bytes:
    """Put a tag before the value of a line of YAML or TOML, or another value in its place."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    index = random.randrange(len(lines))
    head, mark, value = re.fullmatch(r"(\s*(?:- )?[^:=]*)([:=]\s*|)(.*)", lines[index], re.DOTALL).groups()  # type: ignore[union-attr]
    put = random.choice(
        (f"{random.choice(_TAGS)} {value}", random.choice(_SCALARS), f"{value}{random.choice(_SCALARS)}")
    )
    lines[index] = random.choice((head + mark + put, head + mark + put, put + mark + value, "  " + lines[index]))
    return _encoded("\n".join(lines))


def _as_json(content: bytes, random: Random) -> bytes:
    """Damage the structure of YAML, and write it as JSON, which is YAML too."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = json.loads(json.dumps(YAML(typ="safe", pure=True).load(content.decode())))
    except (YAMLError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError, AttributeError):
        return _scalars(content, random)
    return _encoded(written(damaged_value(value, random)))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


Way = Callable[[bytes, Random], bytes]

_WAYS: dict[Format, Sequence[Way]] = {
    "bytes": (damaged_bytes,),
    "json": (_json, _json, _json, damaged_bytes),
    "jsonl": (_jsonl, _jsonl, _jsonl, damaged_bytes),
    "toml": (_scalars, _scalars, damaged_bytes),
    "yaml": (_as_json, _as_json, _scalars, damaged_bytes),
}
