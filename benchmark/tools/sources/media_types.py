"""Finds the JSON body among the media types of an OpenAPI operation."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["json_media_type"]

_JSON = re.compile(r"application/(?:[\w.-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_ANY = re.compile(r"(?:\*|application)/(?:\*\+json|\*)\s*(?:;.*)?", re.IGNORECASE)
"""The ranges of media types that include JSON."""


def json_media_type(kinds: Iterable[str]) -> str | None:
    """Return the media type of a JSON body, or a range of types that includes JSON. Return None if there is none."""
    listed = list(kinds)
    return next((kind for form in (_JSON, _ANY) for kind in listed if form.fullmatch(kind)), None)
