"""A calendar: the events of one person, who invites people and keeps no two events at the same time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, JsonValue, model_validator

from toolmark.benchmark.tools.effects import effects
from toolmark.benchmark.tools.worlds.world import Record, ToolError, World, listed, new_id, with_id

__all__ = ["Calendar"]

Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$")]
Minutes = Annotated[int, Field(ge=5, le=1440)]

_OPENS, _HOURS = dt.time(8), dt.timedelta(hours=10)
_QUARTER = dt.timedelta(minutes=15)


class Event(Record):
    """An event. `start` is a `Moment`, `reminder` is in minutes before the start."""

    title: str
    start: str
    minutes: int
    place: str = ""
    guests: list[str] = []
    reminder: int | None = None

    @model_validator(mode="after")
    def _has_a_span(self) -> Event:
        self.span()
        return self

    def span(self) -> tuple[dt.datetime, dt.datetime]:
        """Return the start and the end of this event."""
        start = _moment(self.start)
        return start, _end(start, self.minutes)


class Calendar(World):
    """The events of one person. `people` maps the names of people who can be invited to their email addresses."""

    events: list[Event] = []
    people: dict[str, str] = {}

    @effects("read")
    def list_events(self, first_day: Day, last_day: Day | None = None) -> JsonValue:
        """List the events of a day, or of several days, in order of time.

        Args:
            first_day: The first day, as YYYY-MM-DD.
            last_day: The last day, as YYYY-MM-DD. Without it, only the first day is listed.
        """
        first, last = _day(first_day), _day(last_day or first_day)
        if last < first:
            raise ToolError(f"The last day {last_day} is before the first day {first_day}.")
        return self._shown(one for one in self.events if first <= one.span()[0].date() <= last)

    @effects("read")
    def find_events(self, text: str) -> JsonValue:
        """Find events by a word in the title, in the place, or in the name of a guest.

        Args:
            text: The word. Upper and lower case are equal.
        """
        wanted = text.casefold()
        return self._shown(
            one for one in self.events if any(wanted in part.casefold() for part in (one.title, one.place, *one.guests))
        )

    @effects("read")
    def find_free_time(self, day: Day, minutes: Minutes) -> JsonValue:
        """Find the earliest times of a day, between 08:00 and 18:00, that are free for long enough.

        Args:
            day: The day, as YYYY-MM-DD.
            minutes: How long the time must be free.
        """
        start = dt.datetime.combine(_day(day), _OPENS)
        free: list[JsonValue] = []
        if (room := _HOURS - dt.timedelta(minutes=minutes)) < dt.timedelta(0):
            return free
        last = start + room
        while start <= last and len(free) < 5:
            if self._clash(start, minutes) is None:
                free.append(f"{start:%Y-%m-%dT%H:%M}")
            start += _QUARTER
        return free

    def create_event(
        self, title: str, start: Moment, minutes: Minutes = 60, place: str = "", guests: list[str] | None = None
    ) -> JsonValue:
        """Put an event into the calendar. It cannot overlap another event.

        Args:
            title: What the event is called.
            start: When it starts, as YYYY-MM-DDTHH:MM.
            minutes: How long it takes.
            place: Where it takes place.
            guests: Names of the people to invite.
        """
        self._keep_free(start, minutes, None)
        event = Event(
            id=new_id("e", self.events),
            title=title,
            start=start,
            minutes=minutes,
            place=place,
            guests=sorted({self._known(guest) for guest in guests or ()}),
        )
        self.events.append(event)
        return event.model_dump()

    def move_event(self, event_id: str, start: Moment, minutes: Minutes | None = None) -> JsonValue:
        """Move an event to another time. It cannot overlap another event.

        Args:
            event_id: Id of the event, for example e3.
            start: The new start, as YYYY-MM-DDTHH:MM.
            minutes: The new length. Without it, the event stays as long as it is.
        """
        event = self._event(event_id)
        self._keep_free(start, minutes or event.minutes, event)
        event.start, event.minutes = start, minutes or event.minutes
        return event.model_dump()

    def cancel_event(self, event_id: str) -> str:
        """Remove an event from the calendar.

        Args:
            event_id: Id of the event, for example e3.
        """
        event = self._event(event_id)
        self.events.remove(event)
        return f"cancelled {event.title}"

    def change_place(self, event_id: str, place: str) -> JsonValue:
        """Change where an event takes place.

        Args:
            event_id: Id of the event, for example e3.
            place: The new place.
        """
        event = self._event(event_id)
        event.place = place
        return event.model_dump()

    def invite(self, event_id: str, guest: str) -> JsonValue:
        """Invite one person to an event.

        Args:
            event_id: Id of the event, for example e3.
            guest: Name of the person.
        """
        event, name = self._event(event_id), self._known(guest)
        if name in event.guests:
            raise ToolError(f"{name} is already invited to {event.title!r}.")
        event.guests = sorted([*event.guests, name])
        return event.model_dump()

    def uninvite(self, event_id: str, guest: str) -> JsonValue:
        """Take one person off the guests of an event.

        Args:
            event_id: Id of the event, for example e3.
            guest: Name of the person.
        """
        event = self._event(event_id)
        if guest not in event.guests:
            raise ToolError(f"{guest!r} is not a guest of {event.title!r}. The guests are: {listed(event.guests)}.")
        event.guests.remove(guest)
        return event.model_dump()

    def set_reminder(self, event_id: str, minutes_before: Annotated[int, Field(ge=0, le=10_080)]) -> str:
        """Set the reminder of an event. It replaces an earlier reminder of this event.

        Args:
            event_id: Id of the event, for example e3.
            minutes_before: How many minutes before the start.
        """
        event = self._event(event_id)
        event.reminder = minutes_before
        return f"reminder {minutes_before} minutes before {event.title}"

    @effects("read")
    def list_people(self) -> JsonValue:
        """List the people who can be invited, with their email addresses."""
        return [{"name": name, "email": email} for name, email in self.people.items()]

    def _event(self, event_id: str) -> Event:
        return with_id(self.events, event_id, "event")

    def _known(self, guest: str) -> str:
        if guest in self.people:
            return guest
        alike = [name for name in self.people if guest.casefold() in name.casefold()]
        raise ToolError(
            f"There is no person {guest!r}." + (f" Do you mean one of these: {listed(alike)}?" if alike else "")
        )

    def _clash(self, start: dt.datetime, minutes: int, moved: Event | None = None) -> Event | None:
        end = _end(start, minutes)
        return next(
            (one for one in self.events if one is not moved and one.span()[0] < end and start < one.span()[1]), None
        )

    def _keep_free(self, start: str, minutes: int, moved: Event | None) -> None:
        if clash := self._clash(_moment(start), minutes, moved):
            begin, end = clash.span()
            raise ToolError(f"{clash.title!r} ({clash.id}) is at that time, from {begin:%H:%M} to {end:%H:%M}.")

    @staticmethod
    def _shown(events: Iterable[Event]) -> JsonValue:
        return [one.model_dump() for one in sorted(events, key=lambda one: one.start)]


def _moment(text: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise ToolError(f"{text} is no real date and time.") from None


def _end(start: dt.datetime, minutes: int) -> dt.datetime:
    try:
        return start + dt.timedelta(minutes=minutes)
    except OverflowError:
        raise ToolError(f"The calendar ends with the year {dt.MAXYEAR}.") from None


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ToolError(f"{text} is no real date.") from None
