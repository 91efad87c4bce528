"""A YAML or JSON file as plain JSON values, with the line of each for the error messages.

The document is built here from the parser's nodes and not by a loader: only JSON's types exist, nothing can be
constructed from a tag, and an alias cannot multiply without bound. JSON is read by the same parser, being YAML.
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
    """One file while it is read.

    Attributes:
        path: The file.
        lenient: Take keys and dates as the texts that they are. Else both are errors: in a file that people write by
            hand, what looks like a text and is none is a mistake.
        lines: The line of each value, counted from 1.
    """

    path: Path
    lenient: bool = False
    lines: dict[Place, int] = field(default_factory=dict)

    def load(self) -> Any:
        """The file's content.

        Raises:
            InputError: With file and line.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}: not UTF-8 text: {error.reason}", "Save it as UTF-8.") from None
        except OSError as error:
            raise InputError(
                f"Cannot read {self.path}: {error.strerror}", "Give the path of a readable file of tools."
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
        # Under a key, the line of the key is the better place to look.
        self.lines.setdefault(place, node.start_mark.line + 1)
        if len(self.lines) > MAX_VALUES or len(place) > MAX_DEPTH:
            fix = "Write out what the aliases (*) repeat, or split the file."
            raise self.error(place, f"more than {MAX_VALUES} values or {MAX_DEPTH} levels", fix)
        kind = str(node.tag).removeprefix(_PREFIX)
        if isinstance(node, MappingNode) and kind == "map":
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                self.lines[(*place, key)] = key_node.start_mark.line + 1
                named = str(key_node.tag) == _PREFIX + "str" or self.lenient
                if not isinstance(key_node, ScalarNode) or not named:
                    raise self.error((*place, key), f"the key {key!r} is not a string", "Put it in quotes.")
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
            raise self.error(place, f"{node.value} reads as a date", f'Put it in quotes: "{node.value}".')
        raise self.error(place, f"the tag {node.tag!s} is not allowed", "Use plain values only.")

    def at(self, place: Place) -> str:
        """`file:line` of `place`, or of the nearest of its parents that has a line: a missing value has none."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path}:{self.lines.get(place, 1)}"

    def error(self, place: Place, what: str, fix: str = "Correct its shape.") -> InputError:
        """An error that names file and line."""
        return InputError(f"{self.at(place)}: {what}", fix)


def kind_of(value: Any) -> str:
    """What a value is, in words for an error."""
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "a boolean", type(None): "nothing"}
    return names.get(type(value), "a number")
