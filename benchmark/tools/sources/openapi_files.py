"""Recognises OpenAPI documents among YAML and JSON files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent, MappingStartEvent, NodeEvent, ScalarEvent

from toolmark.benchmark.core.regular_files import regular
from toolmark.benchmark.tools.sources.yaml_document import LOADER, MAX_BYTES, MAX_DEPTH

__all__ = ["is_openapi"]

_KEYS = frozenset({"openapi", "swagger"})


def is_openapi(path: Path) -> bool:
    """Return whether a file has the key `openapi` or `swagger`, and so is an OpenAPI document.

    The key can be anywhere in the file, because some programs sort the keys.
    """
    try:
        with regular(path).open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8-sig", errors="replace")
        return any(key in _KEYS for key in _keys(text))
    except OSError:
        return path.suffix == ".json"
    except yaml.YAMLError:  # Whoever reads the file tells the user what is wrong.
        return False


def _keys(text: str) -> Iterator[str]:
    """Yield the keys of the mapping that the text contains. Yield nothing if the text contains another value."""
    depth = 0
    key_is_next = True
    for event in yaml.parse(text, Loader=LOADER):
        if depth == 0 and isinstance(event, NodeEvent) and not isinstance(event, MappingStartEvent):
            return
        if depth == 1 and isinstance(event, NodeEvent):
            if key_is_next and isinstance(event, ScalarEvent):
                yield event.value
            key_is_next = not key_is_next
        if isinstance(event, CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:  # Whoever reads the file refuses it. The parser would take quadratic time.
                return
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
