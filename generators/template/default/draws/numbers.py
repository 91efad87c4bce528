"""Draws arguments for tools about numbers, taxes, units and currencies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolmark.generators.template.default.draws.draw import Draw, Drawer, listed

if TYPE_CHECKING:
    from random import Random

__all__ = ["DRAWERS"]

_OPERATIONS = (("+", "plus"), ("-", "minus"), ("*", "times"), ("/", "divided by"))
_LENGTHS = {"m": "metres", "ft": "feet", "km": "kilometres", "mi": "miles"}
_WEIGHTS = {"kg": "kilograms", "lb": "pounds"}
_TEMPERATURES = {"c": "degrees Celsius", "f": "degrees Fahrenheit"}
_CURRENCIES = {"USD": "US dollars", "EUR": "euros", "GBP": "British pounds", "JPY": "Japanese yen"}


def _operand(rng: Random) -> str:
    return str(rng.randint(2, 999)) if rng.random() < 0.75 else f"{rng.randint(1, 99)}.{rng.randint(1, 99)}"


def _calculator(rng: Random) -> Draw:
    count = rng.choice((2, 2, 3, 3, 4))
    expression = spoken = _operand(rng)
    for index in range(1, count):
        sign, name = rng.choice(_OPERATIONS)
        number = _operand(rng)
        expression += f" {sign} {number}"
        spoken += f" {name} {number}"
        if index < count - 1 and rng.random() < 0.2:
            expression = f"({expression})"
            spoken = expression
    if rng.random() < 0.3:
        expression = expression.replace(" ", "")
    return Draw(
        {"expression": expression},
        {"expression": expression, "spoken": spoken},
        {"expression": {"match": "same_result", "of": [expression]}},
    )


def numbers(rng: Random, fewest: int = 3) -> list[int | float]:
    """Draw a list of at least `fewest` whole or decimal numbers of similar size."""
    scale = rng.choice((10, 50, 100, 1000))
    count = rng.randint(fewest, 9)
    if rng.random() < 0.3:
        return [rng.randint(1, scale * 10) / 10 for _ in range(count)]
    low = -scale if rng.random() < 0.1 else 0
    return [rng.randint(low, scale) for _ in range(count)]


def _number_list(rng: Random) -> Draw:
    drawn = numbers(rng)
    return Draw({"numbers": drawn}, {"numbers": listed(rng, drawn)})


def _income(rng: Random) -> Draw:
    thousands = rng.randint(9, 480)
    income = thousands * 1000 if rng.random() < 0.6 else thousands * 1000 + rng.randint(1, 999)
    forms = [f"${income:,}", f"{income} dollars", f"${income}"]
    if income % 1000 == 0:
        forms.append(f"${thousands}k")
    return Draw({"income": income}, {"income": rng.choice(forms)})


def _amount(rng: Random) -> int | float:
    return rng.randint(1, 2500) if rng.random() < 0.6 else rng.randint(10, 99_999) / 100


def _units(rng: Random) -> Draw:
    family = rng.choice((_LENGTHS, _LENGTHS, _WEIGHTS, _TEMPERATURES))
    source, target = rng.sample(list(family), 2)
    value = _amount(rng)

    def said(unit: str) -> str:
        # Write the units "c" and "m" as words, because a single letter is unclear in a sentence.
        return unit if unit in ("ft", "km", "kg", "lb", "mi") and rng.random() < 0.4 else family[unit]

    slots = {"value": str(value), "value_": str(value), "from_unit": said(source), "to_unit": said(target)}
    return Draw({"value": value, "from_unit": source, "to_unit": target}, slots)


def _currencies(rng: Random) -> Draw:
    source, target = rng.sample(list(_CURRENCIES), 2)
    amount = _amount(rng)
    said = (lambda code: code) if rng.random() < 0.5 else _CURRENCIES.__getitem__
    arguments: dict[str, Any] = {"amount": amount, "from_currency": source, "to_currency": target}
    return Draw(arguments, {"amount": str(amount), "from_currency": said(source), "to_currency": said(target)})


DRAWERS: dict[str, Drawer] = {
    "calculator": _calculator,
    "compute_median": _number_list,
    "compute_std_dev": _number_list,
    "compute_min_max": _number_list,
    "calculate_tax": _income,
    "unit_conversion": _units,
    "convert_currency": _currencies,
}
