"""Random conversations in the world `inbox`."""

from __future__ import annotations

from typing import Any

from toolmark.generators.template.worlds.choices import Choices
from toolmark.generators.template.worlds.draft import Draft
from toolmark.generators.template.worlds.world_tasks import WorldTasks

__all__ = ["INBOX"]


def _address(name: str) -> str:
    return f"{name.split()[0].lower()}@post.example"


def _state(choices: Choices) -> dict[str, Any]:
    rng = choices.rng
    people = choices.people(4)
    boxes = choices.names("mailboxes", 2)
    first, day = rng.randint(1, 60), choices.day()
    messages = [
        {
            "id": f"m{first + index}",
            "sender": _address(rng.choice(people)),
            "subject": subject,
            "body": f"{choices.name('notes')}. {choices.name('notes')}.",
            "received": f"{day}T{8 + index:02}:{rng.randint(10, 59)}",
            "to": ["me@home.example"],
            "folder": "inbox" if index < 3 else rng.choice((*boxes, "trash")),
            "read": choices.chance(0.4),
            "starred": choices.chance(0.2),
        }
        for index, subject in enumerate(choices.names("subjects", 4))
    ]
    return {
        "messages": messages,
        "folders": sorted(["archive", "inbox", "spam", "trash", *boxes]),
        "contacts": {name: _address(name) for name in people},
    }


def _message(draft: Draft, **wanted: Any) -> dict[str, Any]:
    message: dict[str, Any] = draft.pick(
        draft.state["messages"], lambda one: all(one[key] == value for key, value in wanted.items())
    )
    return message


def _what(draft: Draft) -> None:
    message = _message(draft)
    draft.ask(
        'What does the message "{subject}" say?',
        'Read me the message about "{subject}".',
        'What is in the mail with the subject "{subject}"?',
        'Show me what "{subject}" is about.',
        subject=message["subject"],
    )
    draft.call("search_messages", text=message["subject"])
    draft.call("read_message", message_id=message["id"])
    lines = message["body"].rstrip(".").split(". ")
    draft.answer("It says: {body}", "{sender} writes: {body}", say=[[line] for line in lines], **message)


def _from_whom(draft: Draft) -> None:
    message = _message(draft)
    draft.ask(
        'Who wrote "{subject}"?',
        'Who sent me the message "{subject}"?',
        'From whom is the mail "{subject}"?',
        'What is the address of the sender of "{subject}"?',
        subject=message["subject"],
    )
    draft.call("search_messages", text=message["subject"])
    draft.answer("It is from {sender}.", "{sender} sent it.", say=[[message["sender"]]], sender=message["sender"])


def _unread(draft: Draft) -> None:
    unread = [one for one in draft.state["messages"] if one["folder"] == "inbox" and not one["read"]]
    draft.ask(
        "Which messages in my inbox are unread?",
        "What have I not read yet?",
        "Is there anything unread in the inbox?",
        "Tell me the subjects of my unread mail.",
    )
    draft.call("list_messages", unread_only=True)
    if unread:
        draft.answer(
            "{subjects}.",
            "Unread: {subjects}.",
            say=[[one["subject"]] for one in unread],
            subjects=[one["subject"] for one in unread],
        )
    else:
        draft.answer("Nothing is unread.", "You have read everything.", say=[["nothing", "no", "everything", "all"]])


def _reply(draft: Draft) -> None:
    message = _message(draft, folder="inbox")
    about = {"subject": message["subject"], "text": draft.choices.name("notes")}
    draft.order(
        'answer the message "{subject}" with: "{text}"',
        'reply to "{subject}": "{text}"',
        'write back on "{subject}" and say "{text}"',
        'respond "{text}" to the mail "{subject}"',
        **about,
    )
    draft.call("search_messages", text=message["subject"])
    draft.call("reply", message_id=message["id"], body=about["text"])
    draft.answer('I answered "{subject}".', "Your answer is sent to {sender}.", sender=message["sender"], **about)


def _reply_without_text(draft: Draft) -> None:
    message = _message(draft, folder="inbox")
    about = {"subject": message["subject"], "text": draft.choices.name("notes")}
    draft.order(
        'answer the message "{subject}"',
        'reply to "{subject}"',
        'write back on "{subject}"',
        'send an answer to the mail "{subject}"',
        **about,
    )
    draft.decline(
        "missing_argument", "What should I write?", "What should the answer say?", tool="reply", missing="body"
    )
    draft.ask('"{text}"', 'Just write "{text}".', 'Say "{text}".', 'The answer is "{text}".', **about)
    draft.call("search_messages", text=message["subject"])
    draft.call("reply", message_id=message["id"], body=about["text"])
    draft.answer('I answered "{subject}" with "{text}".', **about)


def _send(draft: Draft) -> None:
    name = draft.pick(draft.state["contacts"])
    about = {
        "name": name,
        "given": name.split()[0],
        "subject": draft.choices.name("subjects"),
        "text": draft.choices.name("notes"),
    }
    draft.order(
        'write to {name} with the subject "{subject}": "{text}"',
        'send {name} a message, subject "{subject}", text "{text}"',
        'mail {name} "{text}". The subject is "{subject}"',
        'let {name} know by mail: "{text}". Use the subject "{subject}"',
        **about,
    )
    draft.call("find_contact", name=name)
    draft.call("send_message", to=[_address(name)], subject=about["subject"], body=about["text"])
    draft.answer("I sent the message to {name}.", "{given} gets your message.", **about)


def _forward(draft: Draft) -> None:
    message = _message(draft)
    name = draft.pick(draft.state["contacts"], lambda one: _address(one) != message["sender"])
    about = {"subject": message["subject"], "name": name}
    draft.order(
        'forward "{subject}" to {name}',
        'send the message "{subject}" on to {name}',
        'pass "{subject}" on to {name}',
        'let {name} have a copy of the mail "{subject}"',
        **about,
    )
    draft.call("search_messages", text=message["subject"])
    draft.call("find_contact", name=name)
    draft.call("forward", message_id=message["id"], to=[_address(name)])
    draft.answer('I forwarded "{subject}" to {name}.', **about)


def _move(draft: Draft) -> None:
    message = _message(draft)
    folder = draft.pick(draft.state["folders"], lambda one: one not in (message["folder"], "inbox"))
    about = {"subject": message["subject"], "folder": folder}
    draft.order(
        'move "{subject}" to the folder {folder}',
        'put the message "{subject}" into {folder}',
        'file "{subject}" under {folder}',
        'place the mail "{subject}" in {folder}',
        **about,
    )
    draft.call("search_messages", text=message["subject"])
    draft.call("move_message", message_id=message["id"], folder=folder)
    draft.answer('"{subject}" is now in {folder}.', **about)


def _move_to_new(draft: Draft) -> None:
    message = _message(draft)
    folder = draft.new_name("folders", draft.state["folders"])
    about = {"subject": message["subject"], "folder": folder}
    draft.order(
        'move "{subject}" to {folder}. Make the folder if there is none',
        'put "{subject}" into {folder}, a folder that perhaps does not exist yet',
        'file the mail "{subject}" under {folder}, and create that folder if needed',
        'place "{subject}" in {folder}, even if you must make the folder first',
        **about,
    )
    draft.call("search_messages", text=message["subject"])
    draft.call("move_message", message_id=message["id"], folder=folder, fails=True)
    draft.call("create_folder", name=folder)
    draft.call("move_message", message_id=message["id"], folder=folder)
    draft.answer('There was no folder {folder}, so I made it. "{subject}" is in it now.', **about)


def _delete(draft: Draft) -> None:
    message = _message(draft)
    draft.order(
        'delete "{subject}" for ever',
        'remove the message "{subject}" completely',
        'erase the mail "{subject}" for good',
        'get rid of "{subject}" for ever',
        subject=message["subject"],
    )
    draft.call("search_messages", text=message["subject"])
    if message["folder"] != "trash":
        draft.call("move_message", message_id=message["id"], folder="trash")
    draft.call("delete_message", message_id=message["id"])
    draft.answer('"{subject}" is deleted.', "The message is gone.", subject=message["subject"])


def _star(draft: Draft) -> None:
    message = _message(draft, starred=False)
    draft.order(
        'give "{subject}" a star',
        'star the message "{subject}"',
        'mark "{subject}" with a star',
        'put a star on the mail "{subject}"',
        subject=message["subject"],
    )
    draft.call("search_messages", text=message["subject"])
    draft.call("set_starred", message_id=message["id"], starred=True)
    draft.answer('"{subject}" has a star now.', subject=message["subject"])
    if draft.choices.chance(0.5) and not message["read"]:
        draft.ask(
            "And mark it as read.",
            "Mark it as read, too.",
            "It can count as read as well.",
            "I have read it, so mark it.",
        )
        draft.call("set_read", message_id=message["id"], read=True)
        draft.answer('"{subject}" is marked as read.', subject=message["subject"])


INBOX = WorldTasks(
    name="inbox",
    state=_state,
    tasks=(
        *(_what, _from_whom, _unread, _reply, _reply_without_text, _send, _forward, _move, _move_to_new, _delete),
        _star,
    ),
    beyond=(
        ("Call the sender on the phone.", "I cannot make calls."),
        ("Print the last message.", "I cannot print."),
        (
            "Translate my mail into Finnish, all of it, in the app.",
            "I have no tool that translates messages in the app.",
        ),
        ("Block everybody who sends adverts.", "I have no tool that blocks senders."),
        ("Change the password of my account.", "I cannot change passwords."),
        ("Send a fax to the town hall.", "I cannot send a fax."),
        ("Put my signature under every mail from now on.", "I have no tool for signatures."),
        ("Schedule this for tomorrow morning.", "I cannot send messages later."),
    ),
)
