"""Tool conversations: a call with its result and answer, or the plain words that are right when no call is.

Results are invented, because the tools are; the final answer restates what the result says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from generators.template import values
from generators.template.pocket import conversation as talk
from generators.template.pocket.tools import MadeTool, make_tool, make_toolbox, request
from generators.template.words import words

if TYPE_CHECKING:
    from random import Random

    from benchmark.cases import Message
    from benchmark.traces import QueryType, Trace

__all__ = ["abstaining", "calling"]


def _outcome(rng: Random, made: MadeTool, given: dict[str, Any]) -> tuple[Any, str, str, str]:
    """A result, the answer that restates it, and the label and wording of the fact in it."""
    noun = made.subject.spoken[0]
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


def _explicit(rng: Random, made: MadeTool) -> tuple[str, dict[str, Any]]:
    """A request that names the tool and its arguments outright."""
    given: dict[str, Any] = {}
    parts = []
    for argument in made.arguments:
        if argument.name in made.required or rng.random() < 0.5:
            value, spoken = argument.say(rng)
            given[argument.name] = value
            parts.append(f"{argument.name}{rng.choice(('=', ' = ', ': '))}{spoken}")
    verb = rng.choice(("Call", "Use", "Run", "call"))
    return f"{verb} {made.name}" + (f" with {', '.join(parts)}" if parts else ""), given


def calling(rng: Random, size: int, *, explicit: float) -> Trace:
    """One right tool (seldom two) among `size`; `explicit` is the share of requests that name the tool outright."""
    box = make_toolbox(rng, size)
    wanted = box[0]
    hard = rng.random() < 0.25
    if rng.random() < explicit:
        query, given = _explicit(rng, wanted)
    else:
        query, given = request(rng, wanted, talk=hard)
    made = [(wanted, given)]
    if size > 1 and rng.random() < 0.05:
        more, further = request(rng, box[1], talk=False)
        query = (
            f"{query.rstrip('.')}. {rng.choice(('Also, ', 'And then ', 'Then ', 'Also '))}{more[0].lower()}{more[1:]}"
        )
        made.append((box[1], further))
    messages: list[Message] = [talk.user(query), talk.calls(*((one.name, values_) for one, values_ in made))]
    answers = []
    for one, values_ in made:
        result, answer, _, _ = _outcome(rng, one, values_)
        messages.append(talk.result(one.name, result))
        answers.append(answer)
    messages.append(talk.answer(" ".join(answers)))
    rng.shuffle(box)
    return talk.trace(
        messages,
        [one.tool for one in box],
        query=query,
        query_type="hard" if hard else "easy",
        source="pocket/call",
        tool_name=wanted.name,
    )


def _no_tool_fits(rng: Random, size: int) -> Trace:
    known = words()
    deed, subject = rng.choice(known.deeds), rng.choice(known.subjects)
    absent = make_tool(rng, deed, subject)
    query, _ = request(rng, absent, talk=rng.random() < 0.2)
    ask, noun = rng.choice(deed.asks), subject.spoken[0]
    answer = rng.choice(
        (
            f"I have no tool to {ask} the {noun}.",
            f"Sorry, none of my tools can {ask} the {noun}.",
            "None of the tools I have can do that.",
            f"I cannot do that: no tool here is for the {noun}.",
            f"Sorry, I cannot {ask} the {noun} with the tools I have.",
        )
    )
    box = make_toolbox(rng, size, without=(deed, subject))
    return _abstained(rng, query, answer, box, "no_tool_fits")


def _missing_argument(rng: Random, size: int) -> Trace:
    box = make_toolbox(rng, size)
    while not box[0].required:
        box = make_toolbox(rng, size)
    wanted = box[0]
    missing = rng.choice(wanted.required)
    label = next(argument.label for argument in wanted.arguments if argument.name == missing)
    query, _ = request(rng, wanted, talk=rng.random() < 0.2, leave_out=missing)
    answer = rng.choice(
        (
            f"Which {label} should I use?",
            f"What is the {label}?",
            f"Please tell me the {label}.",
            f"I need the {label} for that. What is it?",
            f"I can do that. Which {label}?",
        )
    )
    return _abstained(rng, query, answer, box, "missing_argument", wanted.name)


def _already_answered(rng: Random, size: int) -> Trace:
    """The result already stands in the conversation, and the user asks for it again."""
    box = make_toolbox(rng, size)
    wanted = box[0]
    first, given = request(rng, wanted, talk=False)
    result, answer, label, value = _outcome(rng, wanted, given)
    again = rng.choice(
        (
            f"What was the {label} again?",
            f"Sorry, which {label} did you say?",
            f"Can you repeat the {label}?",
            f"Remind me: the {label}?",
        )
    )
    before = [
        talk.user(first),
        talk.calls((wanted.name, given)),
        talk.result(wanted.name, result),
        talk.answer(answer),
    ]
    closing = rng.choice((f"The {label} was {value}.", f"It was {value}.", f"{value}."))
    return _abstained(rng, again, closing, box, "already_answered", wanted.name, before)


def _abstained(
    rng: Random,
    query: str,
    answer: str,
    box: list[MadeTool],
    query_type: QueryType,
    tool_name: str | None = None,
    before: list[Message] | None = None,
) -> Trace:
    rng.shuffle(box)
    return talk.trace(
        [*(before or ()), talk.user(query), talk.answer(answer)],
        [one.tool for one in box],
        query=query,
        query_type=query_type,
        source="pocket/abstain",
        tool_name=tool_name,
    )


def abstaining(rng: Random, size: int) -> Trace:
    """Tools are offered, the request sounds like a tool's, and a call would be wrong."""
    roll = rng.random()
    if roll < 0.45:
        return _no_tool_fits(rng, size)
    return _missing_argument(rng, size) if roll < 0.85 else _already_answered(rng, size)
