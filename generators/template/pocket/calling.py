"""Makes conversations with invented tools and results.

The right reply to a request is a call, or plain words if a call would be wrong. After a call, the conversation contains
the result of the call and an answer with a fact from the result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolmark.generators.template import values
from toolmark.generators.template.pocket import unvalidated_traces as build
from toolmark.generators.template.pocket.tools import InventedTool, draw_subject, make_tool, make_toolbox, request
from toolmark.generators.template.words import words

if TYPE_CHECKING:
    from random import Random

    from toolmark.benchmark.data.cases import Message
    from toolmark.benchmark.data.traces import QueryType, Trace
    from toolmark.generators.template.words import Action, Subject

__all__ = ["abstaining", "calling"]


def _result_and_answer(rng: Random, invented: InventedTool, given: dict[str, Any]) -> tuple[Any, str, str, str]:
    """Invent the result of a call.

    Returns:
        The result, an answer that states the result, the label of the fact in the result, and the fact in words.
    """
    noun = invented.subject.spoken[0]
    label, value = rng.choice(
        (
            ("code", values.code(rng)),
            ("count", abs(values.integer(rng))),
            ("price", round(abs(values.decimal(rng)), 2)),
            ("date", values.iso_date(rng)),
            ("status", rng.choice(("done", "ready", "waiting", "on its way", "confirmed"))),
            ("name", values.phrase(rng, 3)),
            ("owner", values.person(rng)),
            ("place", values.city(rng)),
            ("total", values.integer(rng)),
            ("value", values.decimal(rng)),
        )
    )
    roll = rng.random()
    if roll < 0.06:
        reason = rng.choice(("not found", "no access", "timeout", "already closed", f"unknown {noun}"))
        answer = rng.choice((f"That did not work: {reason}.", f"Sorry, it failed: {reason}."))
        return {"error": reason}, answer, "error", reason
    if roll < 0.2:
        return value, rng.choice((f"The result is {value}.", f"The {noun}: {value}.", f"{value}")), "result", str(value)
    result: dict[str, Any] = {label: value}
    if rng.random() < 0.3:
        result = {"ok": True, **result}
    if given and rng.random() < 0.4:
        key = rng.choice(list(given))
        if key != label:
            result = {key: given[key], **result}
    answer = rng.choice(
        (
            f"The {label} of the {noun} is {value}.",
            f"The {label} is {value}.",
            f"Done, {label}: {value}.",
            f"Here it is: {label} {value}.",
        )
    )
    return result, answer, label, str(value)


def _explicit_request(rng: Random, invented: InventedTool) -> tuple[str, dict[str, Any]]:
    """Return a request that names the tool and the arguments. Also return the arguments of the right call."""
    given: dict[str, Any] = {}
    parts = []
    for argument in invented.arguments:
        if argument.name in invented.required or rng.random() < 0.5:
            value, spoken = argument.say(rng)
            given[argument.name] = value
            parts.append(f"{argument.name}{rng.choice(('=', ' = ', ': '))}{spoken}")
    verb = rng.choice(("Call", "Use", "Run", "call"))
    return f"{verb} {invented.name}" + (f" with {', '.join(parts)}" if parts else ""), given


def _calls_and_answer(rng: Random, asked: list[tuple[InventedTool, dict[str, Any]]]) -> list[Message]:
    """Return the turns after a request: the calls, the results of the calls, and an answer that states the results."""
    turns = [build.calls(*((invented.name, given) for invented, given in asked))]
    answers = []
    for invented, given in asked:
        result, answer, _, _ = _result_and_answer(rng, invented, given)
        turns.append(build.result(invented.name, result))
        answers.append(answer)
    return [*turns, build.answer(" ".join(answers))]


def calling(rng: Random, size: int, *, explicit: float) -> Trace:
    """Return a conversation in which the first request needs a call. A few of these requests need calls of two tools.

    Half of the conversations continue with further requests.

    Args:
        rng: Source of all random choices.
        size: Number of tools that are offered.
        explicit: Share of first requests that name the tool.
    """
    box = make_toolbox(rng, size)
    wanted = box[0]
    hard = rng.random() < 0.25
    if rng.random() < explicit:
        query, given = _explicit_request(rng, wanted)
    else:
        query, given = request(rng, wanted, talk=hard)
    asked = [(wanted, given)]
    if size > 1 and rng.random() < 0.05:
        more, further = request(rng, box[1], talk=False)
        query = (
            f"{query.rstrip('.')}. {rng.choice(('Also, ', 'And then ', 'Then ', 'Also '))}{more[0].lower()}{more[1:]}"
        )
        asked.append((box[1], further))
    messages = [build.user(query), *_calls_and_answer(rng, asked)]
    for _ in range(rng.choices((0, 1, 2, 3), (50, 20, 15, 15))[0]):
        messages += _further_request(rng, box)
    rng.shuffle(box)
    return build.trace(
        messages,
        [one.tool for one in box],
        query=query,
        query_type="hard" if hard else "easy",
        source="pocket/call",
        tool_name=wanted.name,
    )


def _further_request(rng: Random, box: list[InventedTool]) -> list[Message]:
    """Return one more request for a tool of `box`, and the turns after this request.

    Most requests lead to a call. The other requests need a missing tool, or leave out an argument. The assistant then
    declines, or asks for the argument.
    """
    invented = rng.choice(box)
    roll = rng.random()
    if roll < 0.15:
        action, subject = rng.choice(words().actions), draw_subject(rng)
        if all((one.action.key, one.subject.name) != (action.key, subject.name) for one in box):
            return _declined(rng, action, subject)
    elif roll < 0.3 and invented.required:
        return _asked_back(rng, invented)
    query, given = request(rng, invented, talk=False)
    return [build.user(query), *_calls_and_answer(rng, [(invented, given)])]


def _declined(rng: Random, action: Action, subject: Subject) -> list[Message]:
    """Return a request that no tool can serve, and an answer that declines the request."""
    query, _ = request(rng, make_tool(rng, action, subject), talk=rng.random() < 0.2)
    ask, noun = rng.choice(action.asks), subject.spoken[0]
    answer = rng.choice(
        (
            f"I have no tool to {ask} the {noun}.",
            f"Sorry, none of my tools can {ask} the {noun}.",
            "None of the tools I have can do that.",
            f"I cannot do that: no tool here is for the {noun}.",
            f"Sorry, I cannot {ask} the {noun} with the tools I have.",
        )
    )
    return [build.user(query), build.answer(answer)]


def _asked_back(rng: Random, invented: InventedTool) -> list[Message]:
    """Return a request without a required argument, and an answer that asks for this argument."""
    missing = rng.choice(invented.required)
    label = next(argument.label for argument in invented.arguments if argument.name == missing)
    query, _ = request(rng, invented, talk=rng.random() < 0.2, leave_out=missing)
    answer = rng.choice(
        (
            f"Which {label} should I use?",
            f"What is the {label}?",
            f"Please tell me the {label}.",
            f"I need the {label} for that. What is it?",
            f"I can do that. Which {label}?",
        )
    )
    return [build.user(query), build.answer(answer)]


def _no_tool_fits(rng: Random, size: int) -> Trace:
    action, subject = rng.choice(words().actions), draw_subject(rng)
    messages = _declined(rng, action, subject)
    return _abstained(rng, messages, make_toolbox(rng, size, without=(action, subject)), "no_tool_fits")


def _missing_argument(rng: Random, size: int) -> Trace:
    box = make_toolbox(rng, size)
    while not box[0].required:
        box = make_toolbox(rng, size)
    return _abstained(rng, _asked_back(rng, box[0]), box, "missing_argument", box[0].name)


def _already_answered(rng: Random, size: int) -> Trace:
    """Return a conversation in which the last request asks for a result that was already given."""
    box = make_toolbox(rng, size)
    wanted = box[0]
    first, given = request(rng, wanted, talk=False)
    result, answer, label, value = _result_and_answer(rng, wanted, given)
    again = rng.choice(
        (
            f"What was the {label} again?",
            f"Sorry, which {label} did you say?",
            f"Can you repeat the {label}?",
            f"Remind me: the {label}?",
        )
    )
    closing = rng.choice((f"The {label} was {value}.", f"It was {value}.", f"{value}."))
    messages = [
        build.user(first),
        build.calls((wanted.name, given)),
        build.result(wanted.name, result),
        build.answer(answer),
        build.user(again),
        build.answer(closing),
    ]
    return _abstained(rng, messages, box, "already_answered", wanted.name)


def _abstained(
    rng: Random, messages: list[Message], box: list[InventedTool], query_type: QueryType, tool_name: str | None = None
) -> Trace:
    rng.shuffle(box)
    return build.trace(
        messages,
        [one.tool for one in box],
        query=messages[-2].content,
        query_type=query_type,
        source="pocket/abstain",
        tool_name=tool_name,
    )


def abstaining(rng: Random, size: int) -> Trace:
    """Return a conversation in which a call would be wrong, although a tool seems to fit the request."""
    roll = rng.random()
    if roll < 0.45:
        return _no_tool_fits(rng, size)
    return _missing_argument(rng, size) if roll < 0.85 else _already_answered(rng, size)
