"""Reads a YAML or JSON file as JSON values, with the line of each value for error messages.

The values are made from the nodes of the parser, without a YAML loader. For this reason, all values have JSON types,
tags cannot make objects, and aliases cannot expand without limit. Because JSON is valid YAML, one parser reads both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from toolmark.benchmark.core.errors import InputError

__all__ = ["Place", "YamlDocument", "kind_of"]

MAX_VALUES = 200_000
MAX_DEPTH = 64

_PREFIX = "tag:yaml.org,2002:"

Place = tuple[str | int, ...]


@dataclass
class YamlDocument:
    """A file that is being read.

    Attributes:
        path: The file.
        lenient: Whether dates, and keys that are not strings, are read as strings. If False, both are errors, because
            in a file that a person wrote, the usual cause is that quotes are missing.
        lines: The line of each value, from 1. The key is the place of the value.
    """

    path: Path
    lenient: bool = False
    lines: dict[Place, int] = field(default_factory=dict)

    def load(self) -> Any:
        """Return the content of the file.

        Raises:
            InputError: The file cannot be read. The error contains the file and the line.
        """
        try:
            text = self.path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}: not UTF-8 text: {error.reason}", "Save the file as UTF-8.") from None
        except OSError as error:
            raise InputError(
                f"Cannot read {self.path}: {error.strerror}", "Give the path of a file that you can read."
            ) from None
        yaml = YAML(typ="safe", pure=True)
        try:
            node = yaml.compose(text)
            if node is None:
                raise self.error((), "the file is empty", "List at least one tool.")
            return self._plain(node, (), yaml)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise InputError(f"{self.path}:{line}: invalid YAML: {error.problem}", "Correct the YAML.") from None
        except (YAMLError, RecursionError) as error:
            reason = " ".join(str(error).split()) or "nested too deeply"
            raise InputError(f"{self.path}:1: invalid YAML: {reason}", "Correct the YAML.") from None

    def _plain(self, node: Node, place: Place, yaml: YAML) -> Any:
        # If the value has a key, `lines` already contains the line of the key. This line is kept.
        self.lines.setdefault(place, node.start_mark.line + 1)
        if len(self.lines) > MAX_VALUES or len(place) > MAX_DEPTH:
            fix = "Replace the aliases (*) by their values, or split the file."
            raise self.error(place, f"the file has more than {MAX_VALUES} values or {MAX_DEPTH} levels", fix)
        kind = str(node.tag).removeprefix(_PREFIX)
        if isinstance(node, MappingNode) and kind == "map":
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                self.lines[(*place, key)] = key_node.start_mark.line + 1
                is_string = str(key_node.tag) == _PREFIX + "str" or self.lenient
                if not isinstance(key_node, ScalarNode) or not is_string:
                    raise self.error((*place, key), f"the key {key!r} is not a string", "Put the key in quotes.")
                if key in mapping:
                    raise self.error((*place, key), f"the key {key!r} appears twice", "Remove one of the two.")
                mapping[key] = self._plain(value_node, (*place, key), yaml)
            return mapping
        if isinstance(node, SequenceNode) and kind == "seq":
            return [self._plain(item, (*place, index), yaml) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and kind in ("str", "int", "float", "bool", "null"):
            return node.value if kind == "str" else yaml.constructor.construct_object(node)
        if kind == "timestamp" and self.lenient:
            return node.value
        if kind == "timestamp":
            raise self.error(place, f"YAML reads {node.value} as a date", f'Put the value in quotes: "{node.value}".')
        raise self.error(place, f"the tag {node.tag!s} is not allowed", "Use only values without tags.")

    def at(self, place: Place) -> str:
        """Return the `file:line` of a value, or of the nearest parent if the value does not exist."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path}:{self.lines.get(place, 1)}"

    def error(self, place: Place, what: str, fix: str = "Correct the form of the value.") -> InputError:
        """Return an error that contains the file and the line of `place`."""
        return InputError(f"{self.at(place)}: {what}", fix)


def kind_of(value: Any) -> str:
    """Return the type of a value in words, for an error message."""
    names = {dict: "a mapping", list: "a list", str: "a string", bool: "a boolean", type(None): "nothing"}
    return names.get(type(value), "a number")
