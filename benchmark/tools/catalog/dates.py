"""Tools for dates, times and time zones."""

from __future__ import annotations

import datetime as dt
from typing import Any

from toolmark.benchmark.tools.catalog._values import FIXTURE, LocalDateTime, real_datetime

_NOW = dt.datetime(2025, 6, 16, 9, 30, tzinfo=dt.UTC)


def add_days_to_date(date: dt.date, days: int) -> str:
    """Find the date some days after, or before, a date.

    Args:
        date: The date to start from, as YYYY-MM-DD.
        days: How many days to add; negative goes back.
    """
    try:
        return (date + dt.timedelta(days=days)).isoformat()
    except OverflowError:
        raise ValueError(f"{days} days from {date} is outside the years 1 to 9999") from None


def get_weekday_from_date(date: dt.date) -> str:
    """Tell on which day of the week a date falls.

    Args:
        date: The date, as YYYY-MM-DD.
    """
    # `strftime` is not used, because the names that it returns depend on the locale.
    return ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[date.weekday()]


def convert_time_zone(datetime_str: LocalDateTime, from_timezone: str, to_timezone: str) -> str:
    """Convert a date and time from one time zone to another.

    Args:
        datetime_str: Local date and time, as YYYY-MM-DDTHH:MM.
        from_timezone: IANA name of its zone, such as Europe/Paris.
        to_timezone: IANA name of the zone wanted.
    """
    try:
        moment = real_datetime(datetime_str).replace(tzinfo=_zone(from_timezone))
        return moment.astimezone(_zone(to_timezone)).isoformat()
    except OverflowError:
        raise ValueError(f"{datetime_str} leaves the years 1 to 9999") from None


def calculate_date_diff(start_date: dt.date, end_date: dt.date) -> int:
    """Count the days from one date to another; negative when the end is earlier.

    Args:
        start_date: The first date, as YYYY-MM-DD.
        end_date: The second date, as YYYY-MM-DD.
    """
    return (end_date - start_date).days


def get_unix_timestamp(date: dt.date) -> int:
    """Convert a date to a Unix timestamp: seconds at midnight UTC.

    Args:
        date: The date, as YYYY-MM-DD.
    """
    return (date - dt.date(1970, 1, 1)).days * 86_400


def get_current_datetime() -> dict[str, str]:
    """Tell the current date and time in UTC."""
    return {"datetime": _NOW.isoformat(), "weekday": get_weekday_from_date(_NOW.date()), "note": FIXTURE}


def _zone(name: str) -> Any:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    # Possible causes: there is no such time zone, the name is that of a folder, the sandbox refuses to read the file,
    # or the name is not a relative path.
    except (KeyError, OSError, ValueError):
        raise ValueError(f"unknown time zone {name[:50]!r}; use an IANA name such as Europe/Paris") from None
