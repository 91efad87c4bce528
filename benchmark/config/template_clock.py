"""A fixed date for chat templates that read the clock.

Some templates write today's date into the prompt, for example the templates of Llama 3 and gpt-oss. With the real date,
the same case would have another prompt on every day. So these templates get a fixed date: the date that Llama 3's own
template uses if it cannot read the clock.

A template gets the date from the function `strftime_now`, which transformers sets. Toolmark cannot pass another
function to transformers, because transformers turns functions in the arguments of a template into text. So Toolmark
puts a macro with the name `strftime_now` in front of the template.
"""

from __future__ import annotations

from datetime import date

__all__ = ["TEMPLATE_DATE", "reads_clock", "with_fixed_date"]

TEMPLATE_DATE = date(2024, 7, 26)
"""The date that every template reads. The time of the day is midnight."""

_FUNCTION = "strftime_now"

_DIRECTIVES = {
    "%Y": "2024",
    "%y": "24",
    "%G": "2024",
    "%C": "20",
    "%m": "07",
    "%-m": "7",
    "%B": "July",
    "%b": "Jul",
    "%h": "Jul",
    "%d": "26",
    "%-d": "26",
    "%e": "26",
    "%j": "208",
    "%-j": "208",
    "%A": "Friday",
    "%a": "Fri",
    "%u": "5",
    "%w": "5",
    "%U": "29",
    "%W": "30",
    "%V": "30",
    "%H": "00",
    "%-H": "0",
    "%I": "12",
    "%-I": "12",
    "%p": "AM",
    "%M": "00",
    "%-M": "0",
    "%S": "00",
    "%-S": "0",
    "%f": "000000",
    "%z": "",
    "%Z": "",
    "%F": "2024-07-26",
    "%T": "00:00:00",
    "%R": "00:00",
    "%D": "07/26/24",
    "%x": "07/26/24",
    "%X": "00:00:00",
    "%c": "Fri Jul 26 00:00:00 2024",
    "%%": "%",
}
"""The directives of `strftime` with their text for the fixed date, in English."""

_REPLACED = "".join(f" | replace('{directive}', '{text}')" for directive, text in _DIRECTIVES.items())
# Jinja, with the settings of transformers, removes the line break after the macro. So the template still stands at the
# beginning of a line.
_MACRO = f"{{%- macro {_FUNCTION}(format) -%}}{{{{- format{_REPLACED} -}}}}{{%- endmacro %}}\n"


def reads_clock(template: str) -> bool:
    """Return whether a template reads the clock."""
    return _FUNCTION in template


def with_fixed_date(template: str) -> str:
    """Return the template with the fixed date instead of today's date.

    A template that does not read the clock is unchanged.
    """
    return _MACRO + template if reads_clock(template) else template
