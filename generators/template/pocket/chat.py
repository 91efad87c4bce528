"""Makes short conversations that need no tool: small talk and simple questions. Some conversations offer tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolmark.generators.template.pocket import unvalidated_traces as build
from toolmark.generators.template.smalltalk import small_talk

if TYPE_CHECKING:
    from random import Random

    from toolmark.benchmark.data.cases import Tool
    from toolmark.benchmark.data.traces import Trace

__all__ = ["chatting"]

_SYSTEM = (
    "You are a helpful assistant.",
    "Answer briefly.",
    "You are a friendly assistant. Keep answers short.",
    "Be polite and brief.",
)


def _small_sum(rng: Random) -> tuple[str, str]:
    first, second = rng.randint(0, 10), rng.randint(0, 10)
    return f"What is {first} plus {second}?", str(first + second)


def chatting(rng: Random, tools: list[Tool]) -> Trace:
    """Return a question with an answer in plain words. The tools of `tools` are offered, but no tool is needed."""
    question, answer = _small_sum(rng) if rng.random() < 0.03 else small_talk(rng)[:2]
    messages = [build.user(question), build.answer(answer)]
    if rng.random() < 0.1:
        messages.insert(0, build.system(rng.choice(_SYSTEM)))
    return build.trace(messages, tools, query=question, query_type="no_tool", source="pocket/chat")
