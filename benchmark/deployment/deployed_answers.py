"""Asks a runtime about one case in several ways, so that each part of the deployment is seen for itself.

    side       prompt          weights    tokens chosen by    calls read by
    float      training's      training's the weights         the dialect
    weights    training's      runtime's  the weights         the dialect
    prompt     runtime's       runtime's  the weights         the dialect
    decoding   runtime's       runtime's  the runtime         the dialect
    parser     runtime's       runtime's  the runtime         the runtime

From one line to the next, one thing changes. A side that the runtime does not show is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args

from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt
from toolmark.benchmark.deployment.answer_differences import AnswerDifference, compare_answers, compare_calls
from toolmark.benchmark.deployment.prompt_classes import PromptDifference
from toolmark.benchmark.deployment.prompt_differences import compare_prompts
from toolmark.benchmark.deployment.trained_side import TrainedSide
from toolmark.benchmark.dialects import BaseDialect, Dialect
from toolmark.benchmark.dialects.native import Native
from toolmark.benchmark.dialects.typed_arguments import typed
from toolmark.benchmark.engine.json_server import BadReply
from toolmark.benchmark.engine.runtimes.runtime import Question, Runtime, Writing

__all__ = ["SIDES", "CaseAnswers", "ClientReading", "SideName", "ask_about"]

SideName = Literal["float", "weights", "prompt", "decoding", "parser"]
_T = TypeVar("_T")

SIDES: tuple[SideName, ...] = get_args(SideName)
"""The sides, in the order in which they are compared."""


class ClientReading(BaseDialect):
    """Reads a reply as a client does. If the runtime returns no calls, the calls in the text are read.

    Args:
        trained: The dialect of the training, which reads the text.
    """

    def __init__(self, trained: Dialect) -> None:
        self._trained = trained
        self.name = trained.name
        self.version = trained.version
        self.stops = trained.stops

    def render(self, messages: Sequence[object], tools: Sequence[object]) -> Prompt:
        """Return the prompt of the dialect of the training."""
        return self._trained.render(messages, tools)  # type: ignore[arg-type]

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read a reply."""
        if completion.tool_calls:
            return Native().parse(completion, strict=strict)
        return self._trained.parse(completion, strict=strict)


@dataclass(slots=True)
class CaseAnswers:
    """The answers of all sides to one case, and the differences of each side from the previous side.

    Attributes:
        case: The case.
        answers: The answer of each side. A side that the runtime does not show is missing.
        prompt_differences: The differences of the prompts. None if the runtime does not show its prompt.
        differences: The differences of each side from the previous side.
        refused: Whether the runtime refuses the conversation.
    """

    case: Case
    answers: dict[SideName, Completion] = field(default_factory=dict)
    prompt_differences: list[PromptDifference] | None = None
    differences: dict[SideName, list[AnswerDifference]] = field(default_factory=dict)
    refused: bool = False


def ask_about(
    case: Case, twin: Completion, trained: TrainedSide, runtime: Runtime, sent: Prompt, max_tokens: int
) -> CaseAnswers:
    """Ask a runtime about a case.

    Args:
        case: The case.
        twin: The answer of the trained model in Toolmark's own engine.
        trained: The trained model.
        runtime: The runtime.
        sent: The turns and tools that a client sends.
        max_tokens: The limit on the tokens of an answer.

    Raises:
        EnvironmentFault: The runtime cannot be reached.
    """
    found = CaseAnswers(case, {"float": twin})
    question = Question(sent, max_tokens, tuple(trained.dialect.stops))
    seen = trained.prompt(case)
    asked: SideName = "weights"
    try:
        own = _reached(runtime, lambda: runtime.go_on(seen.ids, question))
        asked = "prompt"
        theirs = _reached(runtime, lambda: runtime.prompt(question))
        asked = "decoding"
        reply = _reached(runtime, lambda: runtime.chat(question))
    except _Refusal as refusal:
        return _refused(found, asked, refusal)
    if own is not None:
        _add(found, "weights", trained, own)
    if theirs is not None:
        found.prompt_differences = compare_prompts(seen, theirs, trained.tokens, reply.read)
        if own is not None and theirs.ids is not None:
            same = theirs.ids == seen.ids
            with suppress(_Refusal):  # The chat was answered, so only this side has no answer.
                after = own if same else _reached(runtime, lambda: runtime.go_on(theirs.ids or (), question))
                if after is not None:
                    _add(found, "prompt", trained, after)
    if reply.written is not None:
        _add(found, "decoding", trained, reply.written)
        found.differences["parser"] = _parser_differences(found, trained.dialect, reply.completion)
    found.answers["parser"] = reply.completion
    return found


class _Refusal(Exception):
    """The runtime answers a request with an error."""


def _reached(runtime: Runtime, ask: Callable[[], _T]) -> _T:
    try:
        return ask()
    except BadReply as error:
        if error.status is None:
            raise EnvironmentFault(
                f"the server at {runtime.root.url} does not answer: {error.reason}",
                "Start the server again. If it is slow, allow more time: --request-timeout 1200",
            ) from None
        raise _Refusal(error.reason) from None


def _refused(found: CaseAnswers, side: SideName, refusal: _Refusal) -> CaseAnswers:
    """Return the answers to a case that the runtime refuses. A client gets no answer, so it counts as empty."""
    found.refused = True
    found.answers |= {later: Completion("", stop_reason="unknown") for later in SIDES[SIDES.index(side) :]}
    found.differences[side] = [AnswerDifference("refused", "an answer", str(refusal))]
    return found


def _add(found: CaseAnswers, side: SideName, trained: TrainedSide, writing: Writing) -> None:
    """Add an answer, and its difference from the side before."""
    before = found.answers[next(one for one in reversed(SIDES[: SIDES.index(side)]) if one in found.answers)]
    found.answers[side] = after = trained.completion(writing)
    if side == "prompt" and not found.prompt_differences:
        return  # The prompts are equal, so this is the same answer.
    forced = side == "decoding" and "prompt" in found.answers
    passed = side == "weights" and trained.passes_stop(writing)
    difference = compare_answers(before, after, trained.pieces, stop_passed=passed, forced=forced)
    found.differences[side] = [] if difference is None else [difference]


def _parser_differences(found: CaseAnswers, dialect: Dialect, returned: Completion) -> list[AnswerDifference]:
    tools = found.case.toolbox.tools
    written = typed(dialect.parse(found.answers["decoding"], strict=False), tools)
    read = typed(ClientReading(dialect).parse(returned, strict=False), tools)
    differences = compare_calls(written.calls, read.calls)
    if not differences and written.answer.strip() and not read.answer.strip() and not read.calls:
        differences.append(AnswerDifference("text_lost", written.answer[:200], "no text"))
    return differences
