"""Splits text with parts between tags, for example `<tool_call>…</tool_call>`, in linear time."""

from __future__ import annotations

__all__ = ["split_tags"]


def split_tags(text: str, tag: str) -> tuple[str, list[str]]:
    """Separate the text between tags from the other text. If a tag is not closed, the tag is plain text.

    Args:
        text: The text.
        tag: Name of the tag, for example `tool_call`.

    Returns:
        The text outside of the tags, and the list of texts between an opening and a closing tag.
    """
    opening, closing = f"<{tag}>", f"</{tag}>"
    outside: list[str] = []
    bodies: list[str] = []
    position = 0
    while (start := text.find(opening, position)) >= 0:
        end = text.find(closing, start)
        if end < 0:
            break
        outside.append(text[position:start])
        bodies.append(text[start + len(opening) : end].strip())
        position = end + len(closing)
    return "".join([*outside, text[position:]]).strip(), bodies
