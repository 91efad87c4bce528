"""Tools for income tax and for currencies. Tax brackets and exchange rates are fixed."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from toolmark.benchmark.tools.catalog._values import FIXTURE, Number

# Each pair contains the upper limit of a bracket in US dollars, and the tax rate of the bracket. Source: IRS Revenue
# Procedure 2024-40, unmarried individuals.
_BRACKETS_2025 = (
    (11_925, 0.10),
    (48_475, 0.12),
    (103_350, 0.22),
    (197_300, 0.24),
    (250_525, 0.32),
    (626_350, 0.35),
    (math.inf, 0.37),
)

_PER_DOLLAR = {"USD": 1.0, "EUR": 0.92, "GBP": 0.79, "JPY": 150.0}

Currency = Literal["USD", "EUR", "GBP", "JPY"]


def calculate_tax(income: Annotated[float, Field(ge=0)]) -> float:
    """Calculate US federal income tax for 2025: single filer, no deductions.

    Args:
        income: Taxable income of the year in US dollars.
    """
    tax, lower = 0.0, 0.0
    for upper, rate in _BRACKETS_2025:
        tax += rate * max(0.0, min(income, upper) - lower)
        lower = upper
    return round(tax, 2)


def convert_currency(amount: Number, from_currency: Currency, to_currency: Currency) -> dict[str, object]:
    """Convert an amount of money between currencies.

    Args:
        amount: The amount in the source currency.
        from_currency: Currency of the amount.
        to_currency: Currency to convert to.
    """
    converted = amount / _PER_DOLLAR[from_currency] * _PER_DOLLAR[to_currency]
    return {"amount": round(converted, 2), "currency": to_currency, "note": FIXTURE}
