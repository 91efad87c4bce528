"""Draws arguments for the database tool. `database.toml` contains each wish in words and in SQL."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from toolmark.generators.template.default.draws.draw import Draw, Drawer

if TYPE_CHECKING:
    from random import Random

__all__ = ["DRAWERS", "DatabaseQuestion", "database_questions"]


@dataclass(frozen=True, slots=True)
class DatabaseQuestion:
    """What a user wants to know from one table of the database.

    Attributes:
        dataset: Name of the table.
        wish: The wish in words, with slots in braces.
        sql: The SQL query for this wish, with the same slots.
    """

    dataset: str
    wish: str
    sql: str


@cache
def database_questions() -> tuple[DatabaseQuestion, ...]:
    """Return all wishes of `database.toml`."""
    table = tomllib.loads(files(__package__).joinpath("database.toml").read_text(encoding="utf-8"))
    return tuple(DatabaseQuestion(**entry) for entry in table["question"])


def _database(rng: Random) -> Draw:
    question = rng.choice(database_questions())
    drawn = {
        "city": rng.choice(("Madrid", "London", "Paris", "Tokyo", "New York")),
        "status": rng.choice(("active", "inactive")),
        "region": rng.choice(("Europe", "Asia", "North America")),
        "product": rng.choice(("Laptop", "Monitor", "Keyboard", "Mouse")),
        "money": rng.randint(20, 2000),
        "many": rng.randint(5, 120),
        "few": rng.randint(1, 5),
        "year": rng.randint(2021, 2024),
    }
    written = question.sql.format(**drawn)
    return Draw(
        {"query": written, "dataset": question.dataset},
        {"query": written, "dataset": question.dataset, "wish": question.wish.format(**drawn)},
        {"query": {"match": "same_result", "of": [written]}},
    )


DRAWERS: dict[str, Drawer] = {"query_database": _database}
