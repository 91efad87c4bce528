"""Reads the dates and the times that a text contains, in the usual ways to write them.

The functions expect a text in lower case with plain hyphens and apostrophes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["CLOCK", "FULL_DATE", "Day", "days_in", "minutes_in", "the_day", "the_minute"]

_MONTHS = {
    short: number
    for number, short in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_MONTH = (
    r"\b(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_ONE_DAY = r"\d{1,2}(?!\d)(?:st|nd|rd|th)?"
_DAYS = rf"(?P<days>{_ONE_DAY}(?: ?(?:, and|,|-|&|and|or|to|until) ?{_ONE_DAY}){{0,9}})"
"""One day or several days of the same month, for example `6`, `6th` or `5, 6 and 7`.

The number of days is limited, because the time for a longer list would be quadratic.
"""
_YEAR = r"(?:,? (?P<year>\d{4})(?!\d))?"
_IN_WORDS = (
    re.compile(rf"(?<![\w.:/]){_DAYS}\.?[ -](?:of )?{_MONTH}{_YEAR.replace(' ', '[ -]')}"),
    re.compile(rf"{_MONTH} (?:the )?{_DAYS}(?!\d|[:.]\d| ?[ap]\.?m\b){_YEAR}"),
)
FULL_DATE = re.compile(
    r"(?<![\d./-])(?:(?P<iso>(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2}))"
    r"|(?P<one>\d{1,2})(?P<mark>[/.-])(?P<two>\d{1,2})(?P=mark)(?P<last>\d{4}|\d{2}))(?![\d/-])"
)
"""A date in digits, with its year."""
_SHORT_DATE = re.compile(r"(?<![\d./-])(?P<one>\d{1,2})(?:/(?P<two>\d{1,2})|\.(?P<other>\d{1,2})\.)(?![\d/-])")

_HOURS = (*("one", "two", "three", "four", "five", "six"), *("seven", "eight", "nine", "ten", "eleven", "twelve"))
_MINUTES = {"five": 5, "ten": 10, "quarter": 15, "a quarter": 15, "twenty": 20, "twenty-five": 25, "half": 30}
_HOUR = rf"(?P<hour>\d{{1,2}}|{'|'.join(_HOURS)})"
_HALF = r"(?: ?(?P<half>[ap])\.?m\b| in the (?P<part>morning|afternoon|evening)\b)"
_NOT_MORE = r"(?![\d:]|[.,]\d)"
CLOCK = re.compile(rf"(?<![\d:.])(?P<hour>\d{{1,2}})[:h](?P<minute>\d\d)(?::\d\d)?(?![\d:]){_HALF}?")
_TIMES = (
    CLOCK,
    re.compile(rf"(?<![\d:.])(?P<hour>\d{{1,2}})\.(?P<minute>\d\d){_HALF}"),
    re.compile(rf"(?<![\w:.,]){_HOUR} ?o'clock{_HALF}?"),
    re.compile(rf"(?<![\w:.,]){_HOUR}{_HALF}"),
    re.compile(rf"\b(?P<past>{'|'.join(_MINUTES)}) past {_HOUR}\b{_NOT_MORE}{_HALF}?"),
    re.compile(rf"\b(?P<to>a quarter|quarter|five|ten|twenty|twenty-five) to {_HOUR}\b{_NOT_MORE}{_HALF}?"),
)
"""Ways to write a time that need no other words around them."""
_ENDS = r"(?=[.,;!?)](?!\d)|$| (?:on|in|and|or|to|until|till|for|with|sharp|today|tomorrow|tonight)\b| ?-)"
_TIMES_IN_SENTENCES = (
    re.compile(rf"\b(?:at|from|until|till|by|since) {_HOUR}{_ENDS}"),
    re.compile(rf"\bfrom (?:\d{{1,2}}|{'|'.join(_HOURS)}) ?(?:to|until|till|-) ?{_HOUR}{_ENDS}"),
    re.compile(
        rf"(?<![\w:.,]){_HOUR}(?::(?P<minute>\d\d))? ?(?:to|until|till|-|and|or) ?\d{{1,2}}(?::\d\d)? ?[ap]\.?m\b"
    ),
)
_NAMED = {"noon": 12 * 60, "midday": 12 * 60, "midnight": 0}


@dataclass(frozen=True, slots=True)
class Day:
    """A day. The year is None if the text does not contain it."""

    year: int | None
    month: int
    day: int

    def fits(self, other: Day) -> bool:
        """Return whether both can be the same day."""
        return (self.month, self.day) == (other.month, other.day) and (
            self.year is None or other.year is None or self.year == other.year
        )


def days_in(text: str) -> set[Day]:
    """Return the days that a text contains with at least day and month.

    In 3/4, each of the numbers can be the month.
    """
    found = {day for pattern in _IN_WORDS for match in pattern.finditer(text) for day in _days_in_words(match)}
    found |= {day for match in FULL_DATE.finditer(text) for day in _days_of_full_date(match)}
    for match in _SHORT_DATE.finditer(text):
        found |= _either_order(None, match["one"], match["two"] or match["other"])
    return {day for day in found if 1 <= day.month <= 12 and 1 <= day.day <= 31}


def the_day(text: str) -> Day | None:
    """Return the day if the whole text is one date. Return None if it is not, or if it can be two dates."""
    found = {
        day for pattern in _IN_WORDS if (match := pattern.fullmatch(text)) is not None for day in _days_in_words(match)
    }
    if match := FULL_DATE.fullmatch(text):
        found |= set(_days_of_full_date(match))
    return found.pop() if len(found) == 1 else None


def _days_in_words(match: re.Match[str]) -> Iterator[Day]:
    year = int(match["year"]) if match["year"] else None
    for day in re.findall(r"\d+", match["days"]):
        yield Day(year, _MONTHS[match["month"][:3]], int(day))


def _days_of_full_date(match: re.Match[str]) -> set[Day]:
    if match["iso"]:
        return {Day(int(match["year"]), int(match["month"]), int(match["day"]))}
    last = int(match["last"])
    return _either_order(last if last > 99 else 2000 + last, match["one"], match["two"])


def _either_order(year: int | None, one: str, two: str) -> set[Day]:
    return {Day(year, int(one), int(two)), Day(year, int(two), int(one))}


def minutes_in(text: str) -> set[int]:
    """Return the times that a text contains, as minutes since midnight.

    If a text can mean a time before and a time after noon, both are returned. For example, `3:10` can be 15:10, but
    `03:10` cannot.
    """
    found = {value for word, value in _NAMED.items() if re.search(rf"\b{word}\b", text)}
    for pattern in (*_TIMES, *_TIMES_IN_SENTENCES):
        found |= {minutes for match in pattern.finditer(text) for minutes in _minutes(match)}
    return found


def the_minute(text: str) -> int | None:
    """Return the time if the whole text is one time. Return None if it is not, or if it can be two times.

    Without am or pm, a text such as `9:00` is a time of the 24-hour clock.
    """
    if text in _NAMED:
        return _NAMED[text]
    for pattern in _TIMES:
        if match := pattern.fullmatch(text):
            found = _minutes(match)
            return min(found) if len(found) == 1 or pattern is CLOCK else None
    return None


def _minutes(match: re.Match[str]) -> set[int]:
    groups = match.groupdict()
    written = match["hour"]
    hour = int(written) if written.isdigit() else 1 + _HOURS.index(written)
    minute = int(groups.get("minute") or 0)
    if hour > 24 or minute > 59:
        return set()
    if groups.get("half") or groups.get("part"):
        hours = {hour % 12 + 12 * (groups["half"] == "p" or groups["part"] in ("afternoon", "evening"))}
    else:
        hours = {hour, hour + 12} if 1 <= hour < 12 and not written.startswith("0") else {hour}
    minute += _MINUTES[groups["past"]] if groups.get("past") else 0
    minute -= _MINUTES[groups["to"]] if groups.get("to") else 0
    return {(60 * one + minute) % (24 * 60) for one in hours}
