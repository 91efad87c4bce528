"""Final answers that restate a tool's result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from toolmark.generators.template.default.phrasings import Phrasings

__all__ = ["final_answer", "told"]

_MOST = 6
"""Values of a long result that an answer tells."""


def _spoken(value: Any) -> str:
    """A JSON value in a sentence: strings as they stand, lists with commas, floats to two decimals."""
    match value:
        case str():
            return value
        case list():
            return ", ".join(_spoken(item) for item in value) or "nothing"
        case dict():
            return ", ".join(f"{key} {_spoken(item)}" for key, item in value.items())
        case float() if value.is_integer():
            return str(int(value))
        case float():
            return str(round(value, 2) if abs(value) >= 1 else float(f"{value:.3g}"))
        case _:
            return str(value)


def final_answer(rng: Random, known: Phrasings, slots: Mapping[str, str], value: Any) -> str:
    """One of the tool's answers with the real result in it."""
    phrasing = rng.choice(known.answer)
    try:
        return phrasing.format(**{**slots, "result": _spoken(value), **_parts(value)})
    except (KeyError, TypeError, AttributeError):
        # A user's own tool may have a name of the catalog and another shape of result.
        return f"The result is {_spoken(value)}."


def told(rng: Random, value: Any) -> str:
    """An answer that tells a result of which nothing is known: all of it where it is short, else its beginning."""
    if value is None or value in ("", [], {}):
        return rng.choice(("Done.", "That is done.", "All right, it is done."))
    if isinstance(value, bool):
        return "Yes." if value else "No."
    if isinstance(value, dict):
        shown = ", ".join(f"{key.replace('_', ' ')} {_spoken(item)}" for key, item in list(value.items())[:_MOST])
        return rng.choice(("Here is what I found: {}.", "The result: {}.", "Done: {}.", "I got this: {}.")).format(
            shown
        )
    if isinstance(value, list):
        more = f" and {len(value) - _MOST} more" if len(value) > _MOST else ""
        shown = ", ".join(_spoken(item) for item in value[:_MOST]) + more
        return rng.choice(("I found {}.", "The result is {}.", "These are they: {}.")).format(shown)
    shown = _spoken(value)
    return rng.choice(("The result is {}.", "It is {}.", "That gives {}.", "Here you are: {}.", "{}")).format(shown)


def _parts(value: Any) -> dict[str, Any]:
    """What an answer may quote of a result that is an object."""
    if not isinstance(value, dict):
        return {}
    pages = [f"{page['title']}: {page['text'].rstrip('.')}" for page in value.get("results", [])]
    rows = [" ".join(_spoken(cell) for cell in row) for row in value.get("rows", [])]
    return {
        "value": {key: _spoken(item) for key, item in value.items()},
        "found": "; ".join(pages) or "nothing",
        "rows": "; ".join(rows) or "no rows",
    }
