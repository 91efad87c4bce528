"""Checks whether an answer tells the user a fact that the user must learn.

`answers.py` asks a milder question: whether an answer uses a result at all.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from toolmark.benchmark.scoring.accepted_values import normalised
from toolmark.benchmark.scoring.written_moments import (
    CLOCK,
    FULL_DATE,
    Day,
    days_in,
    minutes_in,
    the_day,
    the_minute,
)

__all__ = ["Told"]

_MARKS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-") | {"\u2019": "'", "*": None})
"""Different hyphens and apostrophes count as equal. The marks of bold text are left out."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d)?")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d{1,2}(?!\d))")
_NUMBER = re.compile(r"(?P<sign>(?<![\w)])-[€$£]?)?(?<![^\W_])(?<!\d\.)\d+(?:\.\d+)?")
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_IN_WORDS = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})(?:[ -](?P<ones>{'|'.join(_UNITS[1:10])}))?|(?P<unit>{'|'.join(_UNITS)}))\b"
)
_MOST_ROUNDED = Decimal("0.1")


class Told:
    """An answer, with the numbers, dates and times in it.

    Args:
        answer: The text for the user.
    """

    def __init__(self, answer: str) -> None:
        self._text = _plain(answer)

    def contains(self, fact: str | float) -> bool:
        """Return whether the answer contains a fact.

        - A number can be written in words, up to 99, and it can be rounded by at most a tenth of its value. The sign
          must be right: "-5" does not tell 5. The digits of a time, of a date or of a name such as `o3` are no number.
        - A date like `2026-06-06` needs the day and the month. If the answer has a year, the year must be right.
        - A time like `15:00` can be written with or without am and pm, or in words.
        - A date with a time needs both. If the answer contains no date, the day of the week is enough.
        - Any other string must occur as whole words. Upper and lower case count as equal.
        """
        if not isinstance(fact, str):
            return self._contains_number(Decimal(str(fact)))
        fact = _plain(fact)
        if _WHOLE_NUMBER.fullmatch(fact):
            return self._contains_number(Decimal(fact))
        if _MOMENT.fullmatch(fact):
            return self._contains_moment(fact)
        day, minute = the_day(fact), the_minute(fact)
        return (
            self._contains_words(fact)
            or (day is not None and any(map(day.fits, self._days)))
            or (minute is not None and minute in self._minutes)
        )

    def _contains_words(self, words: str) -> bool:
        if not words:
            return False
        before = r"(?<![^\W_])" + r"(?<!\d[.,:])" * words[0].isdigit()
        after = (r"(?![.,:]\d)" if words[-1].isdigit() else "(?:e?s)?") + r"(?![^\W_])"
        return re.search(before + re.escape(words) + after, self._text) is not None

    def _contains_moment(self, moment: str) -> bool:
        when = datetime.fromisoformat(moment)
        if 60 * when.hour + when.minute not in self._minutes:
            return False
        if self._days:
            return any(map(Day(when.year, when.month, when.day).fits, self._days))
        return re.search(rf"\b{_WEEKDAYS[when.weekday()]}\b", self._text) is not None

    def _contains_number(self, number: Decimal) -> bool:
        return any(
            abs(abs(number) - written) <= min(place / 2, _MOST_ROUNDED * abs(number)) and (number < 0 or not negative)
            for written, place, negative in self._numbers
        )

    @cached_property
    def _days(self) -> set[Day]:
        return days_in(self._text)

    @cached_property
    def _minutes(self) -> set[int]:
        return minutes_in(self._text)

    @cached_property
    def _numbers(self) -> list[tuple[Decimal, Decimal, bool]]:
        """Return each number without its sign, the value of its last place, and whether it has the sign of minus."""
        text = _THOUSANDS.sub("", CLOCK.sub(" ", FULL_DATE.sub(" ", self._text)))
        found = []
        for reading in {text, _DECIMAL_COMMA.sub(".", text)}:
            for match in _NUMBER.finditer(reading):
                written = match[0].lstrip("-€$£")
                place = Decimal(1).scaleb(-len(written.partition(".")[2]))
                found.append((Decimal(written), place, match["sign"] is not None))
        for match in _IN_WORDS.finditer(text):
            if match["unit"]:
                value = _UNITS.index(match["unit"])
            else:
                value = 20 + 10 * _TENS.index(match["tens"]) + (_UNITS.index(match["ones"]) if match["ones"] else 0)
            found.append((Decimal(value), Decimal(0), False))
        return found


def _plain(text: str) -> str:
    return normalised(text.translate(_MARKS)).casefold()
