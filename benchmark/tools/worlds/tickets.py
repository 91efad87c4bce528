"""Tickets: the tasks of a team, with people, priorities, labels and comments."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from toolmark.benchmark.tools.effects import effects
from toolmark.benchmark.tools.worlds.world import Part, Record, ToolError, World, listed, new_id, with_id

__all__ = ["Tickets"]

Status = Literal["open", "in progress", "waiting", "closed"]
Priority = Literal["low", "normal", "high", "urgent"]


class Comment(Part):
    """A comment on a ticket."""

    text: str


class Ticket(Record):
    """A ticket. `blocked_by` holds the ids of tickets that must be closed before this one."""

    title: str
    description: str = ""
    status: Status = "open"
    priority: Priority = "normal"
    assignee: str | None = None
    labels: list[str] = []
    blocked_by: list[str] = []
    comments: list[Comment] = []


class Tickets(World):
    """The tickets of a team. `people` maps names to teams. `labels` are the labels that exist."""

    tickets: list[Ticket] = []
    people: dict[str, str] = {}
    labels: list[str] = []

    @effects("read")
    def list_tickets(
        self, status: Status | None = None, assignee: str | None = None, priority: Priority | None = None
    ) -> JsonValue:
        """List tickets without their descriptions and comments.

        Args:
            status: List only tickets with this status.
            assignee: List only tickets of this person.
            priority: List only tickets with this priority.
        """
        return [
            one.model_dump(exclude={"description", "comments"})
            for one in self.tickets
            if status in (None, one.status) and assignee in (None, one.assignee) and priority in (None, one.priority)
        ]

    @effects("read")
    def read_ticket(self, ticket_id: str) -> JsonValue:
        """Show a whole ticket.

        Args:
            ticket_id: Id of the ticket, for example k12.
        """
        return self._ticket(ticket_id).model_dump()

    @effects("read")
    def search_tickets(self, text: str) -> JsonValue:
        """Find tickets by a text in the title, in the description or in a comment.

        Args:
            text: The text. Upper and lower case are equal.
        """
        wanted = text.casefold()
        return [
            {"id": one.id, "title": one.title, "status": one.status}
            for one in self.tickets
            if any(wanted in part.casefold() for part in (one.title, one.description, *(c.text for c in one.comments)))
        ]

    @effects("read")
    def list_people(self) -> JsonValue:
        """List the people who can have tickets, with their teams."""
        return [{"name": name, "team": team} for name, team in self.people.items()]

    def create_ticket(self, title: str, description: str = "", priority: Priority = "normal") -> JsonValue:
        """Create a ticket. It is open, and nobody is assigned.

        Args:
            title: What is to be done, in a few words.
            description: More about it.
            priority: How important it is.
        """
        ticket = Ticket(id=new_id("k", self.tickets), title=title, description=description, priority=priority)
        self.tickets.append(ticket)
        return {"ticket": ticket.id, "title": title}

    def assign(self, ticket_id: str, person: str | None) -> str:
        """Give a ticket to a person. A closed ticket cannot be assigned.

        Args:
            ticket_id: Id of the ticket, for example k12.
            person: Full name of the person. Null takes the ticket away from its person.
        """
        ticket = self._not_closed(ticket_id)
        if person is not None and person not in self.people:
            alike = [name for name in self.people if person.casefold() in name.casefold()]
            raise ToolError(
                f"There is no person {person!r}." + (f" Do you mean one of these: {listed(alike)}?" if alike else "")
            )
        ticket.assignee = person
        return f"{ticket_id} is assigned to {person or 'nobody'}"

    def set_status(self, ticket_id: str, status: Status) -> str:
        """Change the status of a ticket. A ticket cannot be closed before the tickets that block it.

        Args:
            ticket_id: Id of the ticket, for example k12.
            status: The new status.
        """
        ticket = self._ticket(ticket_id)
        if ticket.status == status:
            raise ToolError(f"The status of {ticket_id} is already {status!r}.")
        if status == "in progress" and ticket.assignee is None:
            raise ToolError(f"{ticket_id} is assigned to nobody. Only an assigned ticket can be in progress.")
        waiting = [one for one in ticket.blocked_by if self._ticket(one).status != "closed"]
        if status == "closed" and waiting:
            raise ToolError(f"{ticket_id} is blocked by {listed(waiting)}.")
        ticket.status = status
        return f"{ticket_id} is {status}"

    def set_priority(self, ticket_id: str, priority: Priority) -> str:
        """Change the priority of a ticket.

        Args:
            ticket_id: Id of the ticket, for example k12.
            priority: The new priority.
        """
        self._not_closed(ticket_id).priority = priority
        return f"the priority of {ticket_id} is {priority}"

    def add_comment(self, ticket_id: str, text: str) -> str:
        """Write a comment on a ticket.

        Args:
            ticket_id: Id of the ticket, for example k12.
            text: The comment.
        """
        self._ticket(ticket_id).comments.append(Comment(text=text))
        return f"commented on {ticket_id}"

    def add_label(self, ticket_id: str, label: str) -> str:
        """Put a label on a ticket. Only existing labels can be used.

        Args:
            ticket_id: Id of the ticket, for example k12.
            label: The label.
        """
        ticket = self._ticket(ticket_id)
        if label not in self.labels:
            raise ToolError(f"There is no label {label!r}. The labels are: {listed(self.labels)}.")
        if label in ticket.labels:
            raise ToolError(f"{ticket_id} already has the label {label!r}.")
        ticket.labels = sorted([*ticket.labels, label])
        return f"labels of {ticket_id}: {listed(ticket.labels)}"

    def remove_label(self, ticket_id: str, label: str) -> str:
        """Take a label off a ticket.

        Args:
            ticket_id: Id of the ticket, for example k12.
            label: The label.
        """
        ticket = self._ticket(ticket_id)
        if label not in ticket.labels:
            raise ToolError(f"{ticket_id} has no label {label!r}. Its labels are: {listed(ticket.labels)}.")
        ticket.labels.remove(label)
        return f"labels of {ticket_id}: {listed(ticket.labels)}"

    def add_blocker(self, ticket_id: str, blocked_by: str) -> str:
        """Record that a ticket must wait until another ticket is closed.

        Args:
            ticket_id: Id of the ticket that must wait.
            blocked_by: Id of the ticket that must be closed first.
        """
        ticket, other = self._ticket(ticket_id), self._ticket(blocked_by)
        if ticket is other or ticket_id in other.blocked_by:
            raise ToolError(f"{ticket_id} and {blocked_by} would block each other.")
        ticket.blocked_by = sorted({*ticket.blocked_by, blocked_by})
        return f"{ticket_id} is blocked by {listed(ticket.blocked_by)}"

    def _ticket(self, ticket_id: str) -> Ticket:
        return with_id(self.tickets, ticket_id, "ticket")

    def _not_closed(self, ticket_id: str) -> Ticket:
        ticket = self._ticket(ticket_id)
        if ticket.status == "closed":
            raise ToolError(f"{ticket_id} is closed. Open it before you change it.")
        return ticket
