"""An inbox: the messages of one person, in folders, and the messages that this person sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, JsonValue

from toolmark.benchmark.tools.effects import effects
from toolmark.benchmark.tools.worlds.world import Record, ToolError, World, listed, new_id, with_id

__all__ = ["Inbox"]

Address = Annotated[str, Field(json_schema_extra={"format": "email"})]


class Message(Record):
    """A message that arrived. `received` is a date and time."""

    sender: str
    subject: str
    body: str
    received: str
    to: list[str] = []
    folder: str = "inbox"
    read: bool = False
    starred: bool = False


class Sent(Record):
    """A message that was sent. `about` is the id of the message that was answered or forwarded."""

    to: list[str]
    subject: str
    body: str
    about: str | None = None


class Inbox(World):
    """The messages of one person. `contacts` maps names to addresses. `own` is the person's own address."""

    own: str = "me@home.example"
    messages: list[Message] = []
    sent: list[Sent] = []
    folders: list[str] = ["archive", "inbox", "spam", "trash"]
    contacts: dict[str, str] = {}

    @effects("read")
    def list_messages(self, folder: str = "inbox", unread_only: bool = False) -> JsonValue:
        """List the messages in a folder, the newest first, without their text.

        Args:
            folder: Name of the folder.
            unread_only: True to leave out the messages that are marked as read.
        """
        self._check_folder(folder)
        return self._shown(one for one in self.messages if one.folder == folder and not (unread_only and one.read))

    @effects("read")
    def search_messages(self, text: str) -> JsonValue:
        """Find messages in all folders by a text in the sender, in the subject or in the message.

        Args:
            text: The text. Upper and lower case are equal.
        """
        wanted = text.casefold()
        return self._shown(
            one
            for one in self.messages
            if any(wanted in part.casefold() for part in (one.sender, one.subject, one.body))
        )

    @effects("read")
    def read_message(self, message_id: str) -> JsonValue:
        """Show a whole message. This does not mark it as read.

        Args:
            message_id: Id of the message, for example m4.
        """
        return self._message(message_id).model_dump()

    @effects("read")
    def find_contact(self, name: str) -> JsonValue:
        """Find the email addresses of people by a part of their name.

        Args:
            name: Part of the name. Upper and lower case are equal.
        """
        found = {one: address for one, address in self.contacts.items() if name.casefold() in one.casefold()}
        if not found:
            raise ToolError(f"There is no contact {name!r}.")
        return [{"name": one, "address": address} for one, address in found.items()]

    def send_message(self, to: Annotated[list[Address], Field(min_length=1)], subject: str, body: str) -> str:
        """Send a new message. To answer a message, use reply.

        Args:
            to: Email addresses of the recipients.
            subject: Subject line.
            body: Text of the message.
        """
        return self._send(to, subject, body, None)

    def reply(self, message_id: str, body: str, to_all: bool = False) -> str:
        """Answer a message.

        Args:
            message_id: Id of the message, for example m4.
            body: Text of the answer.
            to_all: True to answer all recipients of the message, and not only its sender.
        """
        message = self._message(message_id)
        others = [address for address in message.to if address != self.own] if to_all else []
        return self._send([message.sender, *others], f"Re: {message.subject}", body, message_id)

    def forward(self, message_id: str, to: Annotated[list[Address], Field(min_length=1)], comment: str = "") -> str:
        """Send a message on to other people.

        Args:
            message_id: Id of the message, for example m4.
            to: Email addresses of the recipients.
            comment: Text above the message.
        """
        message = self._message(message_id)
        return self._send(to, f"Fwd: {message.subject}", comment, message_id)

    def move_message(self, message_id: str, folder: str) -> str:
        """Move a message to a folder, for example to the archive.

        Args:
            message_id: Id of the message, for example m4.
            folder: Name of the folder.
        """
        message = self._message(message_id)
        self._check_folder(folder)
        if message.folder == folder:
            raise ToolError(f"The message {message_id} is already in {folder!r}.")
        message.folder = folder
        return f"moved {message_id} to {folder}"

    def delete_message(self, message_id: str) -> str:
        """Delete a message for ever. It must be in the folder trash.

        Args:
            message_id: Id of the message, for example m4.
        """
        message = self._message(message_id)
        if message.folder != "trash":
            raise ToolError(f"{message_id} is in {message.folder!r}. Only messages in 'trash' can be deleted.")
        self.messages.remove(message)
        return f"deleted {message_id}"

    def set_read(self, message_id: str, read: bool) -> str:
        """Mark a message as read or as unread.

        Args:
            message_id: Id of the message, for example m4.
            read: True for read, False for unread.
        """
        self._message(message_id).read = read
        return f"marked {message_id} as {'read' if read else 'unread'}"

    def set_starred(self, message_id: str, starred: bool) -> str:
        """Give a message a star, or take the star away.

        Args:
            message_id: Id of the message, for example m4.
            starred: True to give the star, False to take it away.
        """
        self._message(message_id).starred = starred
        return f"{'starred' if starred else 'unstarred'} {message_id}"

    def create_folder(self, name: Annotated[str, Field(min_length=1)]) -> str:
        """Create a folder for messages.

        Args:
            name: Name of the folder.
        """
        if name in self.folders:
            raise ToolError(f"There is already a folder {name!r}.")
        self.folders = sorted([*self.folders, name])
        return f"created the folder {name}"

    def _message(self, message_id: str) -> Message:
        return with_id(self.messages, message_id, "message")

    def _check_folder(self, folder: str) -> None:
        if folder not in self.folders:
            raise ToolError(f"There is no folder {folder!r}. The folders are: {listed(self.folders)}.")

    def _send(self, to: list[str], subject: str, body: str, about: str | None) -> str:
        wrong = [address for address in to if "@" not in address]
        if wrong:
            raise ToolError(f"{wrong[0]!r} is no email address.")
        receivers = sorted(dict.fromkeys(to))
        self.sent.append(Sent(id=new_id("s", self.sent), to=receivers, subject=subject, body=body, about=about))
        return f"sent to {listed(receivers)}"

    @staticmethod
    def _shown(messages: Iterable[Message]) -> JsonValue:
        newest = sorted(messages, key=lambda one: one.received, reverse=True)
        return [one.model_dump(exclude={"body"}) for one in newest]
