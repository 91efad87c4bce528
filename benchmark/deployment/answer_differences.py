"""Compares two answers to one case, and the calls that two parsers read in the same answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from toolmark.benchmark.core.common_beginning import common_beginning
from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import json_in_text

__all__ = ["ANSWER_MEANINGS", "AnswerClass", "AnswerDifference", "compare_answers", "compare_calls"]

AnswerClass = Literal[
    "stop_dropped", "other_tokens", "forced_tokens", "refused", "calls_lost", "calls_invented", "arguments_changed",
    "text_lost",
]  # fmt: skip

ANSWER_MEANINGS: Mapping[str, str] = {
    "stop_dropped": "the runtime does not end the answer at the model's stop token",
    "other_tokens": "the runtime chooses other tokens after the same prompt",
    "forced_tokens": "in a chat, the runtime forces other tokens than the model would choose, for example by a grammar",
    "refused": "the runtime refuses the conversation",
    "calls_lost": "the runtime's parser loses calls",
    "calls_invented": "the runtime's parser returns calls that the answer does not contain",
    "arguments_changed": "the runtime's parser changes arguments",
    "text_lost": "the runtime's parser loses the text of an answer",
}
"""What each class means, in the order in which classes are shown."""


@dataclass(frozen=True, slots=True)
class AnswerDifference:
    """The difference between two answers to one case.

    Attributes:
        kind: The class of the difference.
        before: What the first side wrote: the first differing token, or a call.
        after: What the second side wrote.
        token: Index of the first differing token in the answer. None if calls are compared.
    """

    kind: AnswerClass
    before: str = ""
    after: str = ""
    token: int | None = None


def compare_answers(
    before: Completion,
    after: Completion,
    pieces: Callable[[str], Sequence[str]],
    *,
    stop_passed: bool = False,
    forced: bool = False,
) -> AnswerDifference | None:
    """Return how the second answer differs from the first. None if they are equal.

    Args:
        before: The first answer.
        after: The second answer.
        pieces: Returns the tokens of a text, as text.
        stop_passed: Whether the second answer goes on after a stop token of the model.
        forced: Whether both answers are continuations of the same prompt by the same weights.
    """
    if before.text == after.text and before.stop_reason == after.stop_reason:
        return None
    ours, theirs = pieces(before.text), pieces(after.text)
    at = common_beginning(ours, theirs)
    kind: AnswerClass = "forced_tokens" if forced else "other_tokens"
    if stop_passed and after.text.startswith(before.text):
        kind = "stop_dropped"
    return AnswerDifference(kind, _token(ours, at), _token(theirs, at), at)


def _token(pieces: Sequence[str], at: int) -> str:
    return repr(pieces[at]) if at < len(pieces) else "the end"


def compare_calls(written: Sequence[Call], returned: Sequence[Call]) -> list[AnswerDifference]:
    """Compare the calls in an answer with the calls that the runtime returns for this answer.

    Equal calls are paired first. Then the remaining calls of the same tool are paired.

    Args:
        written: The calls that the dialect of the training reads in the text of the answer.
        returned: The calls that the runtime returns for the same answer.
    """
    rest = list(returned)
    unequal = []
    for call in written:
        same = next((one for one in rest if one == call), None)
        if same is None:
            unequal.append(call)
        else:
            rest.remove(same)
    found = []
    for call in unequal:
        partner = next((one for one in rest if one.name == call.name), None)
        if partner is None:
            found.append(AnswerDifference("calls_lost", _shown(call), "no call"))
        else:
            rest.remove(partner)
            found.append(AnswerDifference("arguments_changed", _shown(call), _shown(partner)))
    return found + [AnswerDifference("calls_invented", "no call", _shown(call)) for call in rest]


def _shown(call: Call) -> str:
    return f"{call.name} {json_in_text.dumps(dict(call.arguments))}"[:200]
