"""Answers that state the result of a tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from toolmark.generators.template.default.phrasings import Phrasings

__all__ = ["answer_from_phrasings", "answer_from_result"]

_MOST = 6
"""An answer states at most this many values of a result."""


def _in_words(value: Any) -> str:
    """Return a JSON value as part of a sentence: strings unchanged, lists with commas, floats rounded."""
    match value:
        case str():
            return value
        case list():
            return ", ".join(_in_words(item) for item in value) or "nothing"
        case dict():
            return ", ".join(f"{key} {_in_words(item)}" for key, item in value.items())
        case float() if value.is_integer():
            return str(int(value))
        case float():
            return str(round(value, 2) if abs(value) >= 1 else float(f"{value:.3g}"))
        case _:
            return str(value)


def answer_from_phrasings(rng: Random, known: Phrasings, slots: Mapping[str, str], value: Any) -> str:
    """Return one of the tool's answers, filled with the result."""
    phrasing = rng.choice(known.answer)
    try:
        return phrasing.format(**{**slots, "result": _in_words(value), **_result_slots(value)})
    except (KeyError, TypeError, AttributeError):
        # A tool of the user can have the name of a catalog tool, but results of another shape.
        return f"The result is {_in_words(value)}."


def answer_from_result(rng: Random, value: Any) -> str:
    """Return an answer that states a result of any shape.

    If the result is long, the answer states only its first values.
    """
    if value is None or value in ("", [], {}):
        return rng.choice(("Done.", "That is done.", "All right, it is done."))
    if isinstance(value, bool):
        return "Yes." if value else "No."
    if isinstance(value, dict):
        shown = ", ".join(f"{key.replace('_', ' ')} {_in_words(item)}" for key, item in list(value.items())[:_MOST])
        return rng.choice(("Here is what I found: {}.", "The result: {}.", "Done: {}.", "I got this: {}.")).format(
            shown
        )
    if isinstance(value, list):
        more = f" and {len(value) - _MOST} more" if len(value) > _MOST else ""
        shown = ", ".join(_in_words(item) for item in value[:_MOST]) + more
        return rng.choice(("I found {}.", "The result is {}.", "These are they: {}.")).format(shown)
    shown = _in_words(value)
    return rng.choice(("The result is {}.", "It is {}.", "That gives {}.", "Here you are: {}.", "{}")).format(shown)


def _result_slots(value: Any) -> dict[str, Any]:
    """Return the slots for the parts of a result. If the result is not an object, there are no slots."""
    if not isinstance(value, dict):
        return {}
    pages = [f"{page['title']}: {page['text'].rstrip('.')}" for page in value.get("results", [])]
    rows = [" ".join(_in_words(cell) for cell in row) for row in value.get("rows", [])]
    return {
        "value": {key: _in_words(item) for key, item in value.items()},
        "found": "; ".join(pages) or "nothing",
        "rows": "; ".join(rows) or "no rows",
    }
