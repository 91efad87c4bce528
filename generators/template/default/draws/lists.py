"""Draws arguments for tools that sort, filter or reverse lists of words or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolmark.generators.template.default.draws.draw import Draw, Drawer, listed
from toolmark.generators.template.default.draws.numbers import numbers
from toolmark.generators.template.words import words

if TYPE_CHECKING:
    from random import Random

__all__ = ["DRAWERS"]

_CONDITIONS = (
    ("x > {0}", ("greater than {0}", "above {0}", "over {0}", "larger than {0}")),
    ("x < {0}", ("less than {0}", "below {0}", "under {0}", "smaller than {0}")),
    ("x >= {0}", ("at least {0}", "{0} or more")),
    ("x <= {0}", ("at most {0}", "{0} or less")),
    ("x != {0}", ("not equal to {0}", "different from {0}")),
    ("x % 2 == 0", ("even",)),
    ("x % 2 != 0", ("odd",)),
)
_ASCENDING = ("in ascending order", "from smallest to largest", "in increasing order")
_DESCENDING = ("in descending order", "from largest to smallest", "in decreasing order")
_A_TO_Z = ("alphabetically", "in alphabetical order", "from A to Z")
_Z_TO_A = ("in reverse alphabetical order", "from Z to A")


def _word_list(rng: Random) -> list[str]:
    known = words()
    pool = rng.choice((known.things, known.colours, known.given_names, known.cities))
    return rng.sample(pool, rng.randint(3, 7))


def _item_list(rng: Random) -> list[Any]:
    return list(_word_list(rng)) if rng.random() < 0.5 else list(numbers(rng))


def _any_list(rng: Random) -> Draw:
    items = _item_list(rng)
    return Draw({"items": items}, {"items": listed(rng, items)})


def _list_with_repeats(rng: Random) -> Draw:
    items = _item_list(rng)
    items += rng.choices(items, k=rng.randint(1, 3))
    rng.shuffle(items)
    return Draw({"items": items}, {"repeated": listed(rng, items)})


def _sorted(rng: Random) -> Draw:
    items = _item_list(rng)
    descending = rng.random() < 0.5
    textual = isinstance(items[0], str)
    orders = (_Z_TO_A if descending else _A_TO_Z) if textual else (_DESCENDING if descending else _ASCENDING)
    arguments: dict[str, Any] = {"items": items}
    if descending:
        arguments["descending"] = True
    return Draw(arguments, {"items": listed(rng, items), "order": rng.choice(orders)})


def _filtered(rng: Random) -> Draw:
    items = [rng.randint(0, rng.choice((20, 100, 500))) for _ in range(rng.randint(4, 9))]
    form, spoken = rng.choice(_CONDITIONS)
    bound = rng.choice(items)
    condition = form.format(bound)
    return Draw(
        {"items": items, "condition": condition},
        {"items": listed(rng, items), "condition": rng.choice(spoken).format(bound)},
        {"condition": {"match": "same_result", "of": [condition]}},
    )


DRAWERS: dict[str, Drawer] = {
    "reverse_list": _any_list,
    "deduplicate_list": _list_with_repeats,
    "sort_list": _sorted,
    "filter_list": _filtered,
}
