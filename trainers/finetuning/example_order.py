"""In which order examples are learnt: settled once, before the first step, so that a killed training can go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import ceil
from random import Random
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["Order", "arrange", "mixed"]

Order = Literal["random", "length", "prefix"]


def mixed(kinds: Sequence[str], mix: Mapping[str, float], seed: int) -> list[int]:
    """Places of the examples to train on: of each kind the share that `mix` gives it, none of a kind not in it.

    The first of a seeded draw are taken, so that a smaller share lies in a larger one. No mix takes all.
    """
    if not mix:
        return list(range(len(kinds)))
    chosen: list[int] = []
    for kind, share in mix.items():
        places = [place for place, one in enumerate(kinds) if one == kind]
        Random(f"mix/{seed}/{kind}").shuffle(places)  # noqa: S311 - repeatable, not secret
        chosen += places[: round(share * len(places))]
    return sorted(chosen)


def arrange(examples: Sequence[Encoded], order: Order, together: int, epochs: float, seed: int) -> list[int]:
    """Places of the examples in the order of the whole training; the last epoch may be a part of one.

    `random` shuffles; `length` keeps examples of nearly one length together; `prefix` those that begin alike. At most
    `together` stay so: many cost less, and show one toolbox for long.
    """
    whole: list[int] = []
    for epoch in range(ceil(epochs)):
        rng = Random(f"order/{seed}/{epoch}")  # noqa: S311 - repeatable, not secret
        places = list(range(len(examples)))
        rng.shuffle(places)
        if order == "length":
            places.sort(key=lambda place: len(examples[place].ids))
        elif order == "prefix":
            places.sort(key=lambda place: _prompt(examples[place]))
        if order != "random":
            groups = _groups(examples, places, order, together)
            rng.shuffle(groups)
            places = list(chain.from_iterable(groups))
        whole += places
    return whole[: round(len(examples) * epochs)]


def _prompt(encoded: Encoded) -> list[int]:
    return encoded.ids[: encoded.supervised.index(True)]


def _groups(examples: Sequence[Encoded], places: Sequence[int], order: Order, together: int) -> list[list[int]]:
    """Neighbours, `together` at most, that have half of their prompt in common; by length, neighbours as they come."""
    groups: list[list[int]] = []
    for place in places:
        last = groups[-1] if groups else []
        if last and len(last) < together and (order == "length" or _alike(examples[last[0]], examples[place])):
            last.append(place)
        else:
            groups.append([place])
    return groups


def _alike(one: Encoded, other: Encoded) -> bool:
    first, second = _prompt(one), _prompt(other)
    half = min(len(first), len(second)) // 2
    return first[:half] == second[:half]
