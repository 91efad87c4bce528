"""Draws arguments for tools about dates, times and reminders.

All dates include the year, because a model does not know the current year.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolmark.generators.template import values
from toolmark.generators.template.default.draws.draw import Draw, Drawer
from toolmark.generators.template.words import words

if TYPE_CHECKING:
    from datetime import date
    from random import Random

__all__ = ["DRAWERS", "moment"]

_ZONES = {
    "America/New_York": ("New York", "Boston"),
    "America/Chicago": ("Chicago",),
    "America/Denver": ("Denver",),
    "America/Los_Angeles": ("Los Angeles", "California"),
    "America/Sao_Paulo": ("São Paulo",),
    "Europe/London": ("London", "England"),
    "Europe/Paris": ("Paris", "France"),
    "Europe/Berlin": ("Berlin", "Germany"),
    "Europe/Madrid": ("Madrid",),
    "Europe/Athens": ("Athens", "Greece"),
    "Africa/Cairo": ("Cairo",),
    "Africa/Nairobi": ("Nairobi", "Kenya"),
    "Asia/Dubai": ("Dubai",),
    "Asia/Kolkata": ("Kolkata", "India"),
    "Asia/Singapore": ("Singapore",),
    "Asia/Tokyo": ("Tokyo", "Japan"),
    "Australia/Sydney": ("Sydney",),
    "Pacific/Auckland": ("Auckland",),
}


def _shift(rng: Random) -> Draw:
    start = values.day(rng)
    weeks = rng.random() < 0.25
    count = rng.randint(2, 12) if weeks else rng.randint(2, 400)
    back = rng.random() < 0.3
    days = (count * 7 if weeks else count) * (-1 if back else 1)
    after = f"{count} {'weeks' if weeks else 'days'} {'before' if back else 'after'}"
    slots = {"date": start.isoformat(), "date_spoken": values.spoken_date(rng, start), "after": after}
    return Draw({"date": start.isoformat(), "days": days}, slots)


def _day(rng: Random) -> Draw:
    day = values.day(rng)
    return Draw({"date": day.isoformat()}, {"date": day.isoformat(), "date_spoken": values.spoken_date(rng, day)})


def _span(rng: Random) -> Draw:
    start, end = sorted((values.day(rng), values.day(rng)))
    return Draw(
        {"start_date": start.isoformat(), "end_date": end.isoformat()},
        {
            "start_date": start.isoformat(),
            "end_date": end.isoformat(),
            "start_spoken": values.spoken_date(rng, start),
            "end_spoken": values.spoken_date(rng, end),
        },
    )


def _spoken_moment(rng: Random, day: date, hour: int, minute: int) -> str:
    clock = f"{hour:02}:{minute:02}"
    if rng.random() < 0.4:
        clock = f"{(hour + 11) % 12 + 1}:{minute:02} {'am' if hour < 12 else 'pm'}"
    return f"{values.spoken_date(rng, day)} at {clock}"


def moment(rng: Random) -> tuple[str, str]:
    """Draw a local date and time. Return the moment twice: as an ISO string, and in words."""
    day, hour, minute = values.day(rng), rng.randint(0, 23), rng.choice((0, 0, 5, 10, 15, 20, 30, 45, 50))
    return f"{day.isoformat()}T{hour:02}:{minute:02}", _spoken_moment(rng, day, hour, minute)


def _zones(rng: Random) -> Draw:
    source, target = rng.sample(list(_ZONES), 2)
    iso, spoken = moment(rng)
    return Draw(
        {"datetime_str": iso, "from_timezone": source, "to_timezone": target},
        {
            "datetime_str": iso,
            "moment_spoken": spoken,
            "from_timezone": source,
            "to_timezone": target,
            "from_place": rng.choice(_ZONES[source]),
            "to_place": rng.choice(_ZONES[target]),
        },
        {"datetime_str": {"match": "date", "of": [iso]}},
    )


def _reminder(rng: Random) -> Draw:
    iso, spoken = moment(rng)
    task = errand(rng)
    return Draw(
        {"message": task, "datetime_str": iso},
        {"task": task, "datetime_str": iso, "moment_spoken": spoken},
        {"message": {"match": "contains", "of": [task]}, "datetime_str": {"match": "date", "of": [iso]}},
    )


def errand(rng: Random) -> str:
    """Draw a task for a reminder or a list of tasks, such as "call Anna"."""
    known = words()
    thing, name = rng.choice(known.things), rng.choice(known.given_names)
    return rng.choice(
        (
            f"call {name}",
            f"buy a {rng.choice(known.adjectives)} {thing}",
            f"water the {thing}s",
            f"pick up {name} from the station",
            f"return the {thing} to {name}",
            f"clean the {rng.choice(known.adjectives)} {thing}",
            f"book the {thing} for {rng.choice(known.weekdays)}",
            f"ask {name} about the {thing}",
            f"pay for the {thing}",
            f"repair the {thing} in the {rng.choice(('kitchen', 'garage', 'garden', 'office'))}",
        )
    )


def _todo(rng: Random) -> Draw:
    task = errand(rng)
    return Draw({"task": task}, {"task": task}, {"task": {"match": "contains", "of": [task]}})


def _event(rng: Random) -> Draw:
    known = words()
    iso, spoken = moment(rng)
    thing, name = rng.choice(known.things), rng.choice(known.given_names)
    title = rng.choice(
        (
            f"Lunch with {name}",
            f"{thing.title()} review",
            f"{name}'s birthday",
            f"{thing.title()} workshop",
            f"Visit to {name}",
        )
    )
    arguments = {"title": title, "datetime_str": iso}
    accept = {"title": {"match": "casefold", "of": [title]}, "datetime_str": {"match": "date", "of": [iso]}}
    place = ""
    if rng.random() < 0.4:
        location = rng.choice((f"Room {rng.randint(1, 40)}", values.city(rng), f"Café {thing.title()}"))
        arguments["location"] = location
        accept["location"] = {"match": "casefold", "of": [location]}
        place = f" in {location}"
    said = f"'{title}'" if rng.random() < 0.4 and "'" not in title else title
    return Draw(arguments, {"title": said, "datetime_str": iso, "moment_spoken": spoken, "place": place}, accept)


DRAWERS: dict[str, Drawer] = {
    "add_days_to_date": _shift,
    "get_weekday_from_date": _day,
    "convert_time_zone": _zones,
    "calculate_date_diff": _span,
    "get_current_datetime": lambda _: Draw({}),
    "set_reminder": _reminder,
    "add_to_todo_list": _todo,
    "create_event": _event,
}
