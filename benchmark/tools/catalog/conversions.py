"""Tools that convert number bases and units of measure."""

from __future__ import annotations

import string
from typing import Annotated, Literal

from pydantic import Field

from toolmark.benchmark.tools.catalog._values import Number

# The import of pint takes a third of a second. The worker imports it before the time of a call begins.
WORKER_IMPORTS = ("toolmark.benchmark.tools.catalog._units",)

Base = Annotated[int, Field(ge=2, le=36)]
Unit = Literal["m", "ft", "km", "mi", "kg", "lb", "c", "f"]

_DIGITS = string.digits + string.ascii_lowercase


def convert_bases(number: str, from_base: Base, to_base: Base) -> str:
    """Rewrite a whole number in another base.

    Args:
        number: The digits, such as "ff" or "-1010"; no prefix.
        from_base: Base of the digits, 2 to 36.
        to_base: Base wanted, 2 to 36.
    """
    if len(number) > 200:
        raise ValueError("the number has more than 200 digits")
    digits = number.removeprefix("-").lower()
    if not digits or any(digit not in _DIGITS[:from_base] for digit in digits):
        raise ValueError(f"{number!r} is not a number in base {from_base}")
    value, written = int(digits, from_base), ""
    while value:
        value, digit = divmod(value, to_base)
        written = _DIGITS[digit] + written
    return ("-" if number.startswith("-") and written else "") + (written or "0")


def unit_conversion(value: Number, from_unit: Unit, to_unit: Unit) -> float:
    """Convert a value between units of length (m, ft, km, mi), weight (kg, lb) or temperature (c, f).

    Args:
        value: The value to convert.
        from_unit: Unit of the value.
        to_unit: Unit wanted, of the same kind.
    """
    from pint import DimensionalityError

    from toolmark.benchmark.tools.catalog._units import UNITS

    try:
        return float(f"{UNITS.Quantity(float(value), from_unit).to(to_unit).magnitude:.10g}")
    except (DimensionalityError, OverflowError) as error:
        raise ValueError(f"cannot convert {from_unit} to {to_unit}: {error}") from None
