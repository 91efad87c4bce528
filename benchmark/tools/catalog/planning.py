"""Tools for a calendar, reminders and a to-do list.

No entry is stored. The result repeats the entry and says that nothing was stored.
"""

from __future__ import annotations

from toolmark.benchmark.tools.catalog._values import LocalDateTime, real_datetime

_NOT_STORED = "accepted by a stand-in; nothing was stored"


def create_event(title: str, datetime_str: LocalDateTime, location: str = "") -> dict[str, object]:
    """Put an event into the calendar.

    Args:
        title: What the event is called.
        datetime_str: When it starts, as YYYY-MM-DDTHH:MM.
        location: Where it takes place.
    """
    starts = real_datetime(datetime_str).isoformat()
    return {"title": title, "starts": starts, "location": location, "note": _NOT_STORED}


def set_reminder(message: str, datetime_str: LocalDateTime) -> dict[str, object]:
    """Set a reminder for a moment.

    Args:
        message: What to be reminded of.
        datetime_str: When, as YYYY-MM-DDTHH:MM.
    """
    return {"message": message, "at": real_datetime(datetime_str).isoformat(), "note": _NOT_STORED}


def add_to_todo_list(task: str) -> dict[str, object]:
    """Add a task, without a time, to the to-do list.

    Args:
        task: What is to be done.
    """
    return {"task": task, "note": _NOT_STORED}
