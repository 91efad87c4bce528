"""Text with parts between tags, such as `<tool_call>…</tool_call>`. Splitting takes linear time."""

from __future__ import annotations

__all__ = ["split_tags"]


def split_tags(text: str, tag: str) -> tuple[str, list[str]]:
    """Split a text at the pairs of a tag. A tag that is not closed is plain text.

    Returns:
        The text outside of the pairs, and the texts inside the pairs.
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
