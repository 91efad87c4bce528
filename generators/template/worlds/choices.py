"""Random choices for a conversation. Tests use other names and other wordings than training.

Each list of names or wordings has two parts: every fourth entry is only used for tests, the others only for training.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from random import Random
from string import digits
from typing import TypeVar

from toolmark.generators.template.values import spoken_date
from toolmark.generators.template.words import words

__all__ = ["Choices"]

T = TypeVar("T")

_FIRST_DAY = date(2027, 1, 4)
_DAYS = 700


@cache
def _lists() -> dict[str, tuple[str, ...]]:
    table = tomllib.loads(files(__package__).joinpath("names.toml").read_text(encoding="utf-8"))
    return {name: tuple(text.split(", ")) for name, text in table.items()}


@dataclass(frozen=True, slots=True)
class Choices:
    """The random choices of one conversation.

    Attributes:
        rng: The source of all choices.
        test: Whether the conversation is for tests.
    """

    rng: Random
    test: bool

    def part(self, values: Sequence[T]) -> Sequence[T]:
        """Return the entries of `values` that this conversation can use. There must be at least four entries.

        Raises:
            ValueError: There are fewer than four entries.
        """
        if len(values) < 4:
            raise ValueError(
                f"the list {values} must have at least 4 entries, because tests use other entries than training"
            )
        return [value for index, value in enumerate(values) if (index % 4 == 3) == self.test]

    def one(self, values: Sequence[T]) -> T:
        """Draw one entry of the part of `values` that this conversation can use."""
        return self.rng.choice(self.part(values))

    def names(self, listed: str, count: int) -> list[str]:
        """Draw `count` different names from a list of `names.toml`. If the list is too short, all names are drawn."""
        part = self.all_names(listed)
        return self.rng.sample(part, min(count, len(part)))

    def all_names(self, listed: str) -> Sequence[str]:
        """Return all names of a list of `names.toml` that this conversation can use."""
        return self.part(_lists()[listed])

    def name(self, listed: str) -> str:
        """Draw one name from a list of `names.toml`."""
        return self.names(listed, 1)[0]

    def person(self) -> str:
        """Draw a given name and a surname."""
        return f"{self.one(words().given_names)} {self.name('surnames')}"

    def people(self, count: int) -> list[str]:
        """Draw `count` people. No two of them have the same given name."""
        given = self.rng.sample(self.part(words().given_names), count)
        return [f"{name} {self.name('surnames')}" for name in given]

    def euros(self, least: int, most: int) -> float:
        """Draw an amount in euros, in most cases with cents."""
        whole = self.rng.randint(least, most)
        return float(whole) if self.rng.random() < 0.3 else round(whole + self.rng.randint(1, 99) / 100, 2)

    def digits(self, count: int) -> str:
        """Draw a string of `count` digits."""
        return "".join(self.rng.choices(digits, k=count))

    def day(self) -> date:
        """Draw a day in 2027 or 2028."""
        return _FIRST_DAY + timedelta(days=self.rng.randrange(_DAYS))

    def spoken(self, moment: str) -> str:
        """Return the day of an ISO date or time, as people write it."""
        return spoken_date(self.rng, date.fromisoformat(moment[:10]))

    def chance(self, probability: float) -> bool:
        """Return True with this probability, and otherwise False."""
        return self.rng.random() < probability
