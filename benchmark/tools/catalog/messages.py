"""Tools that send messages to people. No message is really sent, and the result says so."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

_NOT_SENT = "accepted by a stand-in; nothing was sent"

# Pydantic's `EmailStr` is not used, because it needs an additional package.
Address = Annotated[str, Field(json_schema_extra={"format": "email"})]


def send_email(to: Address, subject: str, body: str) -> dict[str, object]:
    """Send an email to one person.

    Args:
        to: Email address of the recipient.
        subject: Subject line.
        body: Text of the email.
    """
    return {"to": to, "subject": subject, "characters": len(body), "note": _NOT_SENT}


def send_slack_message(channel: str, message: str) -> dict[str, object]:
    """Send a message to a Slack channel.

    Args:
        channel: Name or id of the channel.
        message: Text of the message.
    """
    return {"channel": channel, "characters": len(message), "note": _NOT_SENT}


def post_to_x(message: Annotated[str, Field(max_length=280)]) -> dict[str, object]:
    """Publish a post on X (Twitter).

    Args:
        message: Text of the post, at most 280 characters.
    """
    return {"characters": len(message), "note": _NOT_SENT}
