"""Random conversations in the world `tickets`."""

from __future__ import annotations

from typing import Any

from toolmark.generators.template.worlds.choices import Choices
from toolmark.generators.template.worlds.draft import Draft
from toolmark.generators.template.worlds.world_tasks import WorldTasks

__all__ = ["TICKETS"]

_LABEL_ORDERS = (
    'put the label {label} on "{title}"',
    'label "{title}" as {label}',
    'add the label {label} to the ticket "{title}"',
    'tag "{title}" with the label {label}',
)
_PRIORITIES = ("low", "normal", "high", "urgent")


def _state(choices: Choices) -> dict[str, Any]:
    rng = choices.rng
    people, labels = choices.people(4), choices.names("labels", 3)
    first = rng.randint(3, 80)
    tickets: list[dict[str, Any]] = [
        {
            "id": f"k{first + index}",
            "title": title,
            "description": f"{choices.name('tasks')} first.",
            "status": rng.choice(("open", "open", "open", "waiting")),
            "priority": rng.choice(_PRIORITIES),
            "assignee": rng.choice((None, *people)),
            "labels": rng.sample(labels, rng.randint(0, 1)),
        }
        for index, title in enumerate(choices.names("tasks", rng.randint(4, 5)))
    ]
    tickets[0]["blocked_by"] = [tickets[1]["id"]]
    tickets[-1] |= {"status": "closed"}
    return {
        "tickets": tickets,
        "people": {name: choices.name("teams") for name in people},
        "labels": sorted(labels),
    }


def _ticket(draft: Draft, *, closed: bool = False) -> dict[str, Any]:
    ticket: dict[str, Any] = draft.pick(draft.state["tickets"], lambda one: (one["status"] == "closed") == closed)
    return ticket


def _status(draft: Draft) -> None:
    ticket = draft.pick(draft.state["tickets"])
    draft.ask(
        'What is the status of "{title}"?',
        'How far is the ticket "{title}"?',
        'Is "{title}" open, waiting or closed?',
        'Which status does "{title}" have?',
        title=ticket["title"],
    )
    draft.call("search_tickets", text=ticket["title"])
    draft.answer('"{title}" is {status}.', "The status of {id} is {status}.", say=[[ticket["status"]]], **ticket)


def _who(draft: Draft) -> None:
    ticket = draft.pick(draft.state["tickets"], lambda one: one["assignee"] is not None)
    draft.ask(
        'Who works on "{title}"?',
        'To whom is "{title}" assigned?',
        'Who has the ticket "{title}"?',
        'Whose task is "{title}"?',
        title=ticket["title"],
    )
    draft.call("search_tickets", text=ticket["title"])
    draft.call("read_ticket", ticket_id=ticket["id"])
    draft.answer("{assignee} has it.", '"{title}" is assigned to {assignee}.', say=[[ticket["assignee"]]], **ticket)


def _of_priority(draft: Draft) -> None:
    priority = _ticket(draft)["priority"]
    found = [one for one in draft.state["tickets"] if one["priority"] == priority]
    draft.ask(
        "Which tickets have the priority {priority}?",
        "List the tickets with {priority} priority.",
        "What do we have with the priority {priority}?",
        "Show me every ticket whose priority is {priority}.",
        priority=priority,
    )
    draft.call("list_tickets", priority=priority)
    draft.answer(
        "These: {titles}.",
        "{titles}.",
        say=[[one["title"], one["id"]] for one in found],
        titles=[one["title"] for one in found],
    )


def _create(draft: Draft) -> None:
    title = draft.new_name("tasks", [one["title"] for one in draft.state["tickets"]])
    about = {"title": title, "priority": draft.pick(_PRIORITIES), "person": draft.pick(draft.state["people"])}
    draft.order(
        'create a ticket "{title}" with the priority {priority}',
        'open a new ticket called "{title}", priority {priority}',
        'add "{title}" as a ticket of {priority} priority',
        'write a {priority} ticket with the title "{title}"',
        **about,
    )
    made = draft.call("create_ticket", title=title, priority=about["priority"])
    draft.answer(
        'I created {ticket}: "{title}".',
        'The ticket "{title}" has the id {ticket}.',
        ticket=made["ticket"],
        title=title,
    )
    draft.ask(
        "{person} should do it.",
        "Assign it to {person}.",
        "Give it to {person}.",
        "That is a task for {person}, so assign it.",
        **about,
    )
    draft.call("assign", ticket_id=made["ticket"], person=about["person"])
    draft.answer("{person} has the ticket now.", 'I assigned "{title}" to {person}.', **about)


def _assign(draft: Draft) -> None:
    ticket = _ticket(draft)
    person = draft.pick(draft.state["people"], lambda one: one != ticket["assignee"])
    about = {"title": ticket["title"], "given": person.split()[0], "person": person}
    draft.order(
        'assign "{title}" to {given}',
        'give the ticket "{title}" to {given}',
        'let {given} work on "{title}"',
        'hand "{title}" over to {given}',
        **about,
    )
    draft.call("search_tickets", text=ticket["title"])
    draft.call("assign", ticket_id=ticket["id"], person=about["given"], fails=True)
    draft.call("assign", ticket_id=ticket["id"], person=person)
    draft.answer('"{title}" is assigned to {person}.', **about)


def _assign_missing(draft: Draft) -> None:
    ticket = _ticket(draft)
    person = draft.pick(draft.state["people"], lambda one: one != ticket["assignee"])
    about = {"title": ticket["title"], "person": person}
    draft.order(
        'assign "{title}" to somebody else',
        'hand over the ticket "{title}"',
        'give "{title}" to another person',
        'change who works on "{title}"',
        **about,
    )
    draft.decline(
        "missing_argument",
        "Who should have it?",
        'To whom should I give "{title}"?',
        tool="assign",
        missing="person",
        **about,
    )
    draft.ask("{person}.", "To {person}.", "{person}, please.", "I think {person}.", **about)
    draft.call("search_tickets", text=ticket["title"])
    draft.call("assign", ticket_id=ticket["id"], person=person)
    draft.answer('{person} now has "{title}".', **about)


def _close(draft: Draft) -> None:
    ticket = _ticket(draft)
    blockers = [
        one for one in draft.state["tickets"] if one["id"] in ticket["blocked_by"] and one["status"] != "closed"
    ]
    draft.order(
        'close "{title}"',
        'set "{title}" to closed',
        'mark the ticket "{title}" as closed',
        'change the status of "{title}" to closed',
        title=ticket["title"],
    )
    draft.call("search_tickets", text=ticket["title"])
    if not blockers:
        draft.call("set_status", ticket_id=ticket["id"], status="closed")
        draft.answer('"{title}" is closed.', title=ticket["title"])
        return
    draft.call("set_status", ticket_id=ticket["id"], status="closed", fails=True)
    blocker = blockers[0]
    draft.answer(
        "{id} is blocked by {blocker}, so I cannot close it.",
        say=[[blocker["id"], blocker["title"]]],
        id=ticket["id"],
        blocker=blocker["id"],
    )
    draft.ask(
        "Then close that one first, and then mine.", "Close both.", "Close the other one, too.", "Both can be closed."
    )
    draft.call("set_status", ticket_id=blocker["id"], status="closed")
    draft.call("set_status", ticket_id=ticket["id"], status="closed")
    draft.answer("{blocker} and {id} are closed.", "Both tickets are closed.", id=ticket["id"], blocker=blocker["id"])


def _priority(draft: Draft) -> None:
    ticket = _ticket(draft)
    about = {"title": ticket["title"], "priority": draft.pick(_PRIORITIES, lambda one: one != ticket["priority"])}
    draft.order(
        'give "{title}" the priority {priority}',
        'set the priority of "{title}" to {priority}',
        'make the priority of the ticket "{title}" {priority}',
        'change "{title}" to {priority} priority',
        **about,
    )
    draft.call("search_tickets", text=ticket["title"])
    draft.call("set_priority", ticket_id=ticket["id"], priority=about["priority"])
    draft.answer('The priority of "{title}" is {priority}.', **about)


def _reopen(draft: Draft) -> None:
    ticket = _ticket(draft, closed=True)
    about = {"title": ticket["title"], "priority": draft.pick(_PRIORITIES, lambda one: one != ticket["priority"])}
    draft.order(
        'set "{title}" to {priority} priority. Open the ticket again if it is closed',
        'make "{title}" a ticket of {priority} priority, and reopen it if needed',
        'give "{title}" the priority {priority}. Should it be closed, open it',
        'change "{title}" to the priority {priority}, even if you must open it again first',
        **about,
    )
    draft.call("search_tickets", text=ticket["title"])
    draft.call("set_status", ticket_id=ticket["id"], status="open")
    draft.call("set_priority", ticket_id=ticket["id"], priority=about["priority"])
    draft.answer('"{title}" was closed. It is open again, with the priority {priority}.', **about)


def _comment(draft: Draft) -> None:
    ticket = draft.pick(draft.state["tickets"])
    about = {"title": ticket["title"], "text": draft.choices.name("notes")}
    draft.order(
        'comment on "{title}": "{text}"',
        'write the comment "{text}" on the ticket "{title}"',
        'add the comment "{text}" to "{title}"',
        'leave a comment on "{title}" that says "{text}"',
        **about,
    )
    draft.call("search_tickets", text=ticket["title"])
    draft.call("add_comment", ticket_id=ticket["id"], text=about["text"])
    draft.answer('The comment on "{title}" is written.', 'I commented on "{title}".', **about)


def _label(draft: Draft) -> None:
    ticket = draft.pick(draft.state["tickets"])
    about = {
        "title": ticket["title"],
        "label": draft.pick(draft.state["labels"], lambda one: one not in ticket["labels"]),
    }
    draft.order(*_LABEL_ORDERS, **about)
    draft.call("search_tickets", text=ticket["title"])
    draft.call("add_label", ticket_id=ticket["id"], label=about["label"])
    draft.answer('"{title}" has the label {label} now.', **about)


def _unknown_label(draft: Draft) -> None:
    ticket = draft.pick(draft.state["tickets"])
    label = draft.new_name("labels", draft.state["labels"])
    about = {"title": ticket["title"], "label": label, "labels": draft.state["labels"]}
    draft.order(*_LABEL_ORDERS, **about)
    draft.call("search_tickets", text=ticket["title"])
    draft.call("add_label", ticket_id=ticket["id"], label=label, fails=True)
    draft.answer(
        "There is no label {label}. The labels are {labels}.",
        say=[["no"], *([one] for one in about["labels"])],
        **about,
    )


TICKETS = WorldTasks(
    name="tickets",
    state=_state,
    tasks=(
        *(_status, _who, _of_priority, _create, _assign, _assign_missing, _close, _priority, _reopen, _comment),
        *(_label, _unknown_label),
    ),
    beyond=(
        ("Delete all old tickets for ever.", "I have no tool that deletes tickets."),
        ("Merge the branch of the last ticket.", "I cannot merge branches."),
        ("Hire two more people.", "I cannot hire people."),
        ("Draw a burn-down chart.", "I have no tool that draws charts."),
        ("Restart the build server.", "I cannot restart servers."),
        ("Send the team a postcard.", "I have no tool for postcards."),
        ("Export everything as a spreadsheet.", "I have no tool for exports."),
        ("Log two hours of work for me.", "I cannot log hours."),
    ),
)
