"""Random conversations in the world `calendar`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from toolmark.generators.template.worlds.choices import Choices
from toolmark.generators.template.worlds.draft import Draft
from toolmark.generators.template.worlds.world_tasks import WorldTasks

__all__ = ["CALENDAR"]


def _state(choices: Choices) -> dict[str, Any]:
    rng = choices.rng
    people = choices.people(5)
    first, start = choices.day(), rng.randint(1, 40)
    events = [
        {
            "id": f"e{start + index}",
            "title": title,
            "start": f"{first + timedelta(days=index)}T{rng.randint(8, 16):02}:{rng.choice(('00', '15', '30', '45'))}",
            "minutes": 15 * rng.randint(2, 8),
            "place": choices.name("places"),
            "guests": sorted(rng.sample(people[:3], rng.randint(0, 2))),
        }
        for index, title in enumerate(choices.names("meetings", rng.randint(3, 5)))
    ]
    people_ = {name: f"{name.split()[0].lower()}@team.example" for name in people}
    return {"events": events, "people": people_}


def _event(draft: Draft) -> dict[str, Any]:
    event: dict[str, Any] = draft.pick(draft.state["events"])
    return event


def _titles(draft: Draft) -> list[str]:
    return [event["title"] for event in draft.state["events"]]


def _free_start(draft: Draft) -> str:
    """Return a day and a time at which perhaps nothing takes place."""
    day = date.fromisoformat(_event(draft)["start"][:10]) + timedelta(days=draft.choices.rng.randint(0, 6))
    return f"{day}T{draft.choices.rng.randint(8, 17):02}:{draft.choices.rng.choice(('00', '30'))}"


def _when(draft: Draft) -> None:
    event = _event(draft)
    title = event["title"]
    draft.ask(
        "When is the {title}?",
        "On which day and at what time is the {title}?",
        "Can you look up when the {title} starts?",
        "What is the date of the {title}, and when does it begin?",
        title=title,
    )
    draft.call("find_events", text=title)
    draft.answer(
        "The {title} is on {day} at {time}.",
        say=[[event["start"]]],
        title=title,
        day=draft.choices.spoken(event["start"]),
        time=event["start"][11:],
    )


def _where(draft: Draft) -> None:
    event = draft.pick(draft.state["events"], lambda one: bool(one["place"]))
    draft.ask(
        "Where does the {title} take place?",
        "Where is the {title}?",
        "In which place do we have the {title}?",
        "Where must I go for the {title}?",
        title=event["title"],
    )
    draft.call("find_events", text=event["title"])
    draft.answer(
        "It is in {place}.",
        "The {title} takes place in {place}.",
        say=[[event["place"]]],
        title=event["title"],
        place=event["place"],
    )
    place = draft.new_name("places", [event["place"]])
    draft.ask(
        "Change that to {place}.",
        "It was moved to {place}. Please note that.",
        "Make it {place}.",
        "Put {place} there instead.",
        place=place,
    )
    draft.call("change_place", event_id=event["id"], place=place)
    draft.answer("The {title} now takes place in {place}.", title=event["title"], place=place)


def _day(draft: Draft) -> None:
    day = _event(draft)["start"][:10]
    titles = [one["title"] for one in draft.state["events"] if one["start"].startswith(day)]
    draft.ask(
        "What do I have on {day}?",
        "What is planned for {day}?",
        "Which events are on {day}?",
        "How does my day look on {day}?",
        day=draft.choices.spoken(day),
    )
    draft.call("list_events", first_day=day)
    draft.answer("You have this: {titles}.", "On that day: {titles}.", say=[[title] for title in titles], titles=titles)


def _create(draft: Draft) -> None:
    title = draft.new_name("meetings", _titles(draft))
    start, minutes = _free_start(draft), 15 * draft.choices.rng.randint(1, 8)
    about: dict[str, Any] = {"title": title, "day": draft.choices.spoken(start), "time": start[11:], "minutes": minutes}
    draft.order(
        "put the {title} into my calendar on {day} at {time}, for {minutes} minutes",
        "add an event called {title} on {day}, {time}, {minutes} minutes long",
        "plan {minutes} minutes for the {title} on {day} at {time}",
        "enter the {title} on {day} at {time}. It takes {minutes} minutes",
        **about,
    )
    made = draft.call("create_event", title=title, start=start, minutes=minutes)
    draft.answer("The {title} is in your calendar, on {day} at {time}.", **about)
    if draft.choices.chance(0.5):
        guest = draft.pick(draft.state["people"])
        draft.ask(
            "Invite {guest}, too.",
            "Invite {guest} to it.",
            "{guest} should come as well.",
            "Add {guest} as a guest.",
            guest=guest,
        )
        draft.call("invite", event_id=made["id"], guest=guest)
        draft.answer("{guest} is invited.", "I invited {guest} to the {title}.", guest=guest, title=title)


def _create_without_time(draft: Draft) -> None:
    title = draft.new_name("meetings", _titles(draft))
    start = _free_start(draft)
    about = {"title": title, "day": draft.choices.spoken(start), "time": start[11:]}
    draft.order(
        "put the {title} into my calendar on {day}",
        "plan the {title} for {day}",
        "add the {title} on {day}",
        "enter the {title} on {day}",
        **about,
    )
    draft.decline(
        "missing_argument",
        "At what time?",
        "When does the {title} start?",
        tool="create_event",
        missing="start",
        **about,
    )
    draft.ask("At {time}.", "{time}.", "It starts at {time}.", "{time}, for one hour.", **about)
    draft.call("create_event", title=title, start=start, minutes=60)
    draft.answer("The {title} is planned for {day} at {time}.", **about)


def _create_or_later(draft: Draft) -> None:
    event = _event(draft)
    title = draft.new_name("meetings", _titles(draft))
    day = event["start"][:10]
    about = {"title": title, "day": draft.choices.spoken(day), "time": event["start"][11:]}
    draft.order(
        "add the {title} on {day} at {time}, for 30 minutes. If I am busy then, take the first free time of that day",
        "plan 30 minutes of {title} on {day} at {time}, or else at the first free time of the day",
        "put the {title} on {day}, {time}, half an hour. If that clashes, use the earliest time that is free",
        "enter the {title} for half an hour on {day} at {time}, or as early as I am free on that day",
        **about,
    )
    draft.call("create_event", title=title, start=event["start"], minutes=30, fails=True)
    free = draft.pick(draft.call("find_free_time", day=day, minutes=30)[:1])
    draft.call("create_event", title=title, start=free, minutes=30)
    draft.answer(
        "At {time} you have the {other}. So the {title} is at {free}.",
        say=[[free[11:]]],
        other=event["title"],
        free=free[11:],
        **about,
    )


def _move(draft: Draft) -> None:
    event = _event(draft)
    start = _free_start(draft)
    about = {"title": event["title"], "day": draft.choices.spoken(start), "time": start[11:]}
    draft.order(
        "move the {title} to {day} at {time}",
        "shift the {title} to {day}, {time}",
        "reschedule the {title} to {day} at {time}",
        "let the {title} begin on {day} at {time} instead",
        **about,
    )
    draft.call("find_events", text=event["title"])
    draft.call("move_event", event_id=event["id"], start=start)
    draft.answer("The {title} is now on {day} at {time}.", **about)


def _cancel(draft: Draft) -> None:
    event = _event(draft)
    draft.order(
        "cancel the {title}",
        "remove the {title} from my calendar",
        "call off the {title}",
        "delete the event {title}",
        title=event["title"],
    )
    draft.call("find_events", text=event["title"])
    draft.call("cancel_event", event_id=event["id"])
    draft.answer("The {title} is cancelled.", "I took the {title} out of your calendar.", title=event["title"])


def _invite(draft: Draft) -> None:
    event = _event(draft)
    guest = draft.pick(draft.state["people"], lambda name: name not in event["guests"])
    about = {"title": event["title"], "given": guest.split()[0], "guest": guest}
    draft.order(
        "invite {given} to the {title}",
        "ask {given} to come to the {title}",
        "add {given} to the guests of the {title}",
        "send {given} an invitation to the {title}",
        **about,
    )
    draft.call("find_events", text=event["title"])
    if len(about["given"]) == len(guest):
        draft.call("invite", event_id=event["id"], guest=guest)
    else:
        draft.call("invite", event_id=event["id"], guest=about["given"], fails=True)
        draft.call("invite", event_id=event["id"], guest=guest)
    draft.answer("{guest} is invited to the {title}.", **about)


def _uninvite(draft: Draft) -> None:
    event = draft.pick(draft.state["events"], lambda one: bool(one["guests"]))
    about = {"title": event["title"], "guests": event["guests"], "guest": draft.pick(event["guests"])}
    draft.ask(
        "Who comes to the {title}?",
        "Which guests did I invite to the {title}?",
        "Who is invited to the {title}?",
        "Tell me the guests of the {title}.",
        **about,
    )
    draft.call("find_events", text=event["title"])
    draft.answer("{guests}.", "These people: {guests}.", say=[[guest] for guest in event["guests"]], **about)
    draft.ask(
        "{guest} cannot come. Take the name off.",
        "Uninvite {guest}.",
        "{guest} is ill, so please remove that guest.",
        "Without {guest}, please.",
        **about,
    )
    draft.call("uninvite", event_id=event["id"], guest=about["guest"])
    draft.answer("{guest} is no guest of the {title} any more.", **about)


def _remind(draft: Draft) -> None:
    event = _event(draft)
    about: dict[str, Any] = {"title": event["title"], "minutes": 5 * draft.choices.rng.randint(1, 24)}
    draft.order(
        "remind me {minutes} minutes before the {title}",
        "set a reminder for the {title}, {minutes} minutes before",
        "let me know {minutes} minutes before the {title} starts",
        "give the {title} a reminder of {minutes} minutes",
        **about,
    )
    draft.call("find_events", text=event["title"])
    draft.call("set_reminder", event_id=event["id"], minutes_before=about["minutes"])
    draft.answer("You get a reminder {minutes} minutes before the {title}.", **about)


CALENDAR = WorldTasks(
    name="calendar",
    state=_state,
    tasks=(
        *(_when, _where, _day, _create, _create_without_time, _create_or_later, _move, _cancel, _invite, _uninvite),
        _remind,
    ),
    beyond=(
        ("Start a video call with everybody.", "I cannot make calls."),
        ("Book a taxi that brings me there.", "I have no tool to book a taxi."),
        ("Print my week.", "I cannot print."),
        ("Write the minutes for me.", "I was not there, and no tool of mine writes minutes."),
        ("How will the weather be?", "I have no tool for the weather."),
        ("Wake me with music.", "I have no alarm clock."),
        ("Order sandwiches for the guests.", "I cannot order food."),
        ("Set my status to absent.", "I have no tool that changes a status."),
    ),
)
