"""The thoughts of a model: text between two marks, which is not part of the answer.

Qwen, DeepSeek and others write `<think>…</think>`. Mistral's reasoning models write `[THINK]…[/THINK]`, Gemma 4 writes
`<|channel>thought…<channel|>`, and Kimi K3 writes its thoughts as an element `think`. Seed-OSS, Command, Apertus,
MiniCPM, LongCat and EXAONE Deep have marks of their own, in this order in `MARKS`. Fine-tuned models often write
`<thinking>`. Some chat templates write the opening mark at the end of the prompt, so the text of the model begins
inside a thought.

The thoughts of gpt-oss are a message in the channel `analysis`. The parser of `harmony` reads all messages, so these
marks are not in `MARKS`. They are in `THOUGHTS`, which is used to follow a completion token by token.
"""

from __future__ import annotations

import re

__all__ = [
    "CLOSING",
    "MARKS",
    "THOUGHTS",
    "closing_of_open_thought",
    "closing_without_opening",
    "open_thought",
    "without_thinking",
]

MARKS = {
    "<think>": "</think>",
    "[THINK]": "[/THINK]",
    "<|channel>": "<channel|>",
    "<|open|>think<|sep|>": "<|close|>think<|sep|>",
    "<seed:think>": "</seed:think>",
    "<|START_THINKING|>": "<|END_THINKING|>",
    "<|inner_prefix|>": "<|inner_suffix|>",
    "<|thought_start|>": "<|thought_end|>",
    "<longcat_think>": "</longcat_think>",
    "<thought>": "</thought>",
    "<thinking>": "</thinking>",
}
"""The closing mark of each opening mark."""

CLOSING = frozenset(MARKS.values())
"""The closing marks."""

THOUGHTS = {**MARKS, "<|channel|>analysis<|message|>": "<|start|>assistant"}
"""The closing mark of each opening mark, with those of gpt-oss. A message in the channel `analysis` is a thought. The
thought ends where the next message of the model begins."""

_MARK = re.compile("|".join(re.escape(mark) for pair in MARKS.items() for mark in pair))


def without_thinking(text: str) -> str:
    """Return an answer in words without its thoughts.

    If the closing mark is missing, the thought ends at the end of the text. If the opening mark is missing, the thought
    begins at the start of the text. Texts that can contain calls are read by `scanner.py` instead, because a mark
    inside an argument is part of the argument.
    """
    parts: list[str] = []
    position = 0
    closing: str | None = None
    for number, found in enumerate(_MARK.finditer(text)):
        mark = found.group()
        if closing is not None:
            if mark == closing:
                closing, position = None, found.end()
        elif mark in MARKS:
            parts.append(text[position : found.start()])
            closing = MARKS[mark]
        elif number == 0:
            position = found.end()
    return "".join(parts) if closing is not None else "".join([*parts, text[position:]])


def open_thought(prompt: str) -> str | None:
    """Return the opening mark of the thought at the end of a prompt. None if there is no open thought."""
    end = prompt.rstrip()
    return next((opening for opening in THOUGHTS if end.endswith(opening)), None)


def closing_without_opening(text: str) -> str | None:
    """Return the mark that ends the thought in which a text begins. None if the text does not begin inside a thought.

    The text of a model begins inside a thought if the prompt opened the thought.
    """
    found = _MARK.search(text)
    return found.group() if found is not None and found.group() in CLOSING else None


def closing_of_open_thought(prompt: str) -> str | None:
    """Return the closing mark of the thought at the end of a prompt. None if there is no open thought."""
    opening = open_thought(prompt)
    return None if opening is None else THOUGHTS[opening]
