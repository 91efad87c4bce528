"""Copies the texts of annotations, as in `Annotated[str, "Name of the city"]`, to the descriptions of a JSON Schema.

pydantic makes the schema, but ignores these texts.
"""

from __future__ import annotations

from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

__all__ = ["describe_arguments"]

_INNER_KEYS = ("items", "additionalProperties")
"""The keywords for the schema of the values in a list, and in a dictionary."""


def describe_arguments(parameters: dict[str, Any], function: Callable[..., Any]) -> None:
    """Add the texts in the annotations of a function to its schema. Descriptions in the schema stay.

    This includes the texts for elements of lists and dictionaries, and for fields of classes.

    Args:
        parameters: The schema of the function's arguments. It is changed.
        function: The function.

    Raises:
        NameError: An annotation uses a name that does not exist.
    """
    _Texts(parameters.get("$defs", {})).fields(parameters, function)


class _Texts:
    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions
        self._classes: set[type] = set()

    def fields(self, schema: dict[str, Any], owner: Any) -> None:
        """Describe the properties of `schema`, which are the arguments of a function or the fields of a class."""
        properties = schema.get("properties", {})
        for name, annotation in get_type_hints(owner, include_extras=True).items():
            if isinstance(shown := properties.get(name), dict):
                self._describe(shown, annotation)

    def _describe(self, schema: dict[str, Any], annotation: Any) -> None:
        if text := _text(annotation):
            schema.setdefault("description", " ".join(text.split()))
        annotation = _bare(annotation)
        branches = schema.get("anyOf", [])
        arguments = get_args(annotation)
        if get_origin(annotation) in (Union, UnionType):
            whole = len(branches) == len(arguments)
            for index, inner in enumerate(arguments):
                # The text of a branch already describes the whole union.
                self._describe(branches[index] if whole else {}, _bare(inner))
        elif arguments:
            inner_schema: Any = next((schema[key] for key in _INNER_KEYS if isinstance(schema.get(key), dict)), {})
            self._describe(inner_schema, arguments[-1] if arguments[-1] is not ... else arguments[0])
        elif isinstance(annotation, type) and annotation not in self._classes:
            self._classes.add(annotation)
            if isinstance(definition := self._definitions.get(annotation.__name__), dict):
                self.fields(definition, annotation)


def _bare(annotation: Any) -> Any:
    """Return an annotation without its texts and marks."""
    return annotation.__origin__ if get_origin(annotation) is Annotated else annotation


def _text(annotation: Any) -> str | None:
    """Return the text in an annotation, or None if there is no text.

    The annotation is `Annotated[str, "text"]`, `Annotated[str, Doc("text")]`, or a union that contains one of these.
    """
    if get_origin(annotation) is Annotated:
        texts = (getattr(mark, "documentation", mark) for mark in annotation.__metadata__)
        text = next((text for text in texts if isinstance(text, str) and text.strip()), None)
        return text or _text(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        return next(filter(None, map(_text, get_args(annotation))), None)
    return None
