"""Hostile text on its way into a page.

A model may write anything: markup, the end of a script, characters that turn the reading order of what follows. Markup
is escaped by the template and by `script_json`; characters that show nothing but change what others show are replaced
by their names.
"""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["script_json", "visible"]

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but tab and newline
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028\u2029"  # soft hyphen, marks of direction, separators of lines
    "\u202a-\u202e\u2060-\u2064\u2066-\u206f"  # embeddings, overrides and isolates of direction; invisible signs
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U000e0000-\U000e007f]"  # tags
)


def visible(text: str) -> str:
    """`text` with every character that is not seen but changes what is seen, as `⟨U+202E⟩`."""
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text.replace("\r\n", "\n"))


def _seen(value: Any) -> Any:
    match value:
        case str():
            return visible(value)
        case dict():
            return {visible(str(key)): _seen(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_seen(inner) for inner in value]
        case _:
            return value


_ESCAPED = re.compile(r"\\[ubfr]|\x7f")
"""Whatever `visible` replaces is written so in ASCII; most texts hold none of it, and need no second look."""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def script_json(value: Any) -> str:
    """`value` as JSON that may stand in a script element: ASCII, and without a character that could end the element.

    Raises:
        ValueError: A number is not finite, which JSON has no word for.
    """
    text = _json(value)
    if _ESCAPED.search(text):
        text = _json(_seen(value))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
