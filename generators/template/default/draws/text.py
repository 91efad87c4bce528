"""Draws arguments for tools that count or search texts, or send messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolmark.generators.template import values
from toolmark.generators.template.default.draws.draw import Draw, Drawer, quoted
from toolmark.generators.template.words import words

if TYPE_CHECKING:
    from random import Random

__all__ = ["DRAWERS"]


def _searched(rng: Random, slot: str, text: str) -> Draw:
    return Draw({"text": text}, {slot: quoted(rng, text)}, {"text": {"match": "same_result", "of": [text]}})


def _counted(rng: Random) -> Draw:
    return _searched(rng, "text", rng.choice((values.sentence(rng), f"{values.sentence(rng)} {values.sentence(rng)}")))


def _tagged(rng: Random) -> Draw:
    known = words()
    text = values.tagged_text(rng)
    if rng.random() < 0.4:
        text = f"#{rng.choice(known.things)} {rng.choice(known.given_names)} is here! {text}"
    return _searched(rng, "tagged", text)


def _link(rng: Random) -> str:
    known = words()
    path = "".join(f"/{rng.choice(known.things)}" for _ in range(rng.randint(0, 2)))
    return f"{rng.choice(('https', 'http'))}://{rng.choice(('www.', '', ''))}{rng.choice(known.hosts)}.com{path}"


def _linked(rng: Random) -> Draw:
    known = words()
    text = f"{rng.choice(('See', 'Read', 'Have a look at', 'I found'))} {_link(rng)}"
    if rng.random() < 0.4:
        text += f" and {_link(rng)}"
    text += rng.choice(("", f" about the {rng.choice(known.things)}", f", says {rng.choice(known.given_names)}"))
    return _searched(rng, "linked", text)


def _called(rng: Random) -> Draw:
    known = words()
    name, thing = rng.choice(known.given_names), rng.choice(known.things)
    number = f"{rng.randint(200, 989)}-{rng.randint(200, 989)}-{rng.randint(0, 9999):04}"
    if rng.random() < 0.3:
        number = f"+{rng.randint(1, 98)} {rng.randint(200, 989)} {rng.randint(100_000, 999_999)}"
    text = rng.choice(
        (
            f"Call {name} at {number}",
            f"{name}: {number}, about the {thing}",
            f"My number is {number}.",
            f"{thing.title()} service, {number}",
        )
    )
    return _searched(rng, "called", text)


def _message(rng: Random) -> str:
    known = words()
    thing, name, day = rng.choice(known.things), rng.choice(known.given_names), rng.choice(known.weekdays)
    return rng.choice(
        (
            f"The {thing} is ready",
            f"Please bring the {thing} on {day}",
            f"{name} will be late today",
            f"The {thing} review moves to {day}",
            f"We are out of {thing}s, who can help?",
            f"Great work on the {thing}, {name}!",
            f"The {rng.choice(known.adjectives)} {thing} has arrived",
            f"See you in {rng.choice(known.cities)} on {day}",
        )
    )


def _email(rng: Random) -> Draw:
    known = words()
    subject = rng.choice(
        (
            f"The {rng.choice(known.things)}",
            f"Plans for {rng.choice(known.weekdays)}",
            f"News from {rng.choice(known.cities)}",
            "Quick question",
        )
    )
    arguments = {"to": values.email(rng), "subject": subject, "body": _message(rng)}
    slots = {"to": arguments["to"], "subject": quoted(rng, subject), "body": quoted(rng, arguments["body"])}
    accept = {name: {"match": "casefold", "of": [arguments[name]]} for name in ("to", "subject", "body")}
    return Draw(arguments, slots, accept)


def _slack(rng: Random) -> Draw:
    known = words()
    name = rng.choice(
        (rng.choice(known.things), f"team-{rng.choice(known.colours)}", f"{rng.choice(known.things)}-news")
    )
    message = _message(rng)
    channel = f"#{name}"
    return Draw(
        {"channel": channel, "message": message},
        {"channel": channel, "message": quoted(rng, message)},
        {"channel": {"match": "casefold", "of": [channel, name]}, "message": {"match": "casefold", "of": [message]}},
    )


def _post(rng: Random) -> Draw:
    message = rng.choice((_message(rng), values.tagged_text(rng)))
    return Draw(
        {"message": message}, {"message": quoted(rng, message)}, {"message": {"match": "casefold", "of": [message]}}
    )


DRAWERS: dict[str, Drawer] = {
    "word_count": _counted,
    "extract_hashtags": _tagged,
    "extract_urls": _linked,
    "extract_phone_number": _called,
    "send_email": _email,
    "send_slack_message": _slack,
    "post_to_x": _post,
}
