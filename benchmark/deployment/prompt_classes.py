"""The classes of differences between two prompts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["MEANINGS", "PromptClass", "PromptDifference", "first_of_each"]

PromptClass = Literal[
    "bos_doubled",
    "bos_missing",
    "truncated",
    "tool_missing",
    "tool_order",
    "schema_not_json",
    "schema_spelling",
    "schema_parts_missing",
    "schema_changed",
    "system_injected",
    "date",
    "braces_doubled",
    "white_space",
    "template_text",
    "special_as_text",
    "tokenizer",
]

MEANINGS: Mapping[str, str] = {
    "bos_doubled": "the prompt begins with more BOS tokens than in training",
    "bos_missing": "the BOS token at the start of the prompt is missing",
    "truncated": "a part of the conversation is cut off",
    "tool_missing": "an offered tool is not shown",
    "tool_order": "the tools are shown in another order",
    "schema_not_json": "a tool is not shown as JSON",
    "schema_spelling": "a schema has the same content, but is written in another way",
    "schema_parts_missing": "a schema lacks parts, for example its enums",
    "schema_changed": "a schema has another content",
    "system_injected": "the template adds text before the conversation, for example a default system turn",
    "date": "the template writes another date",
    "braces_doubled": "braces are doubled or halved",
    "white_space": "white space differs",
    "template_text": "the template writes other text",
    "special_as_text": "a special token is read as plain text",
    "tokenizer": "the tokenizer makes other tokens of the same text",
}
"""What each class means, in the order in which classes are shown."""


@dataclass(frozen=True, slots=True)
class PromptDifference:
    """One difference between two prompts.

    Attributes:
        kind: The class of the difference.
        trained: The place in the prompt of the training.
        deployed: The same place in the prompt of the runtime.
    """

    kind: PromptClass
    trained: str = ""
    deployed: str = ""


def first_of_each(differences: Iterable[PromptDifference]) -> list[PromptDifference]:
    """Return the first difference of each class."""
    found: dict[PromptClass, PromptDifference] = {}
    for one in differences:
        found.setdefault(one.kind, one)
    return list(found.values())
