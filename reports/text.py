"""Makes the text of models and cases safe for a page.

A model can write markup, the end of a script element, or characters that reverse the reading order. The templates and
`script_json` escape markup. `visible` replaces invisible characters that change how other text is shown.
"""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["script_json", "visible"]

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, without tab and newline
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028\u2029"  # soft hyphen, marks of direction, separators of lines
    "\u202a-\u202e\u2060-\u2064\u2066-\u206f"  # embeddings, overrides and isolates of direction, and invisible signs
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U000e0000-\U000e007f]"  # Unicode's tag characters
)


def visible(text: str) -> str:
    """Return the text with a code, for example `⟨U+202E⟩`, in place of each invisible character.

    Only invisible characters that change how other text is shown are replaced.
    """
    return _INVISIBLE.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", text.replace("\r\n", "\n"))


def _all_visible(value: Any) -> Any:
    match value:
        case str():
            return visible(value)
        case dict():
            return {visible(str(key)): _all_visible(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_all_visible(inner) for inner in value]
        case _:
            return value


_ESCAPED = re.compile(r"\\[ubfr]|\x7f")
"""Matches ASCII JSON that can contain a character that `visible` replaces. Other JSON skips the slow replacement."""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def script_json(value: Any) -> str:
    """Return `value` as JSON for a script element. The JSON is ASCII, and no character in the JSON ends the element.

    Raises:
        ValueError: A number is infinite or NaN. JSON has no such numbers.
    """
    text = _json(value)
    if _ESCAPED.search(text):
        text = _json(_all_visible(value))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
