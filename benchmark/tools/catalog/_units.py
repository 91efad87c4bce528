"""The units of measure that `unit_conversion` knows.

Pint's default registry cannot be used, because "c" is the speed of light and "f" is a prefix there.
"""

from __future__ import annotations

from typing import Any

from pint import UnitRegistry

__all__ = ["UNITS"]

UNITS: UnitRegistry[Any] = UnitRegistry(None)

for _definition in (
    "m = [length]",
    "ft = 0.3048 * m",
    "km = 1000 * m",
    "mi = 1609.344 * m",
    "kg = [mass]",
    "lb = 0.45359237 * kg",
    "kelvin = [temperature]; offset: 0",
    "c = kelvin; offset: 273.15",
    "f = 5 / 9 * kelvin; offset: 233.15 + 200 / 9",
):
    UNITS.define(_definition)
