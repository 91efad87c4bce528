"""Chooses the examples of a training and their order. Both are fixed before the first step, so training can resume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import ceil
from random import Random
from typing import TYPE_CHECKING, Literal

from toolmark.benchmark.core.errors import InputError

if TYPE_CHECKING:
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["ExampleOrder", "arrange", "chosen_by_share"]

ExampleOrder = Literal["random", "length", "prefix"]


def chosen_by_share(query_types: Sequence[str], shares: Mapping[str, float], seed: int) -> list[int]:
    """Return the examples to train on.

    Args:
        query_types: The query type of each example.
        shares: For each query type, the share of examples to take. A type that is not in the mapping is left out. If
            the mapping is empty, all examples are taken.
        seed: Seed of the draw. With the same seed, the examples of a smaller share are also in a larger share.

    Returns:
        Indices of the chosen examples, ascending.
    """
    if not shares:
        return list(range(len(query_types)))
    chosen: list[int] = []
    for query_type, share in shares.items():
        indices = [index for index, one in enumerate(query_types) if one == query_type]
        Random(f"mix/{seed}/{query_type}").shuffle(indices)  # noqa: S311 - repeatable, not secret
        chosen += indices[: round(share * len(indices))]
    return sorted(chosen)


def arrange(examples: Sequence[Encoded], order: ExampleOrder, together: int, epochs: float, seed: int) -> list[int]:
    """Return the order in which the training reads the examples.

    Args:
        examples: The examples to train on.
        order: `random` shuffles the examples. With `length`, examples of similar length are neighbours. With `prefix`,
            examples with the same beginning are neighbours.
        together: Highest number of neighbours with similar length or the same beginning. A large number saves time, but
            the model then sees the same toolbox in many consecutive examples.
        epochs: Number of passes over the examples. The last pass can be partial.
        seed: Seed of the shuffling.

    Returns:
        `round(len(examples) * epochs)` indices into `examples`.

    Raises:
        InputError: This number is 0, although there are examples.
    """
    arranged: list[int] = []
    for epoch in range(ceil(epochs)):
        rng = Random(f"order/{seed}/{epoch}")  # noqa: S311 - repeatable, not secret
        indices = list(range(len(examples)))
        rng.shuffle(indices)
        if order == "length":
            indices.sort(key=lambda index: len(examples[index].ids))
        elif order == "prefix":
            indices.sort(key=lambda index: examples[index].prompt)
        if order != "random":
            groups = _groups(examples, indices, order, together)
            rng.shuffle(groups)
            indices = list(chain.from_iterable(groups))
        arranged += indices
    read = arranged[: round(len(examples) * epochs)]
    if examples and not read:
        raise InputError(
            f"--epochs {epochs:g} of {len(examples)} conversations reads none of them", "Give more epochs."
        )
    return read


def _groups(examples: Sequence[Encoded], indices: Sequence[int], order: ExampleOrder, together: int) -> list[list[int]]:
    """Cut sorted examples into groups of at most `together` examples.

    With the order `prefix`, a prompt belongs to a group if it begins like the first prompt of the group. The two
    prompts must be equal over at least half of the length of the shorter prompt.
    """
    groups: list[list[int]] = []
    for index in indices:
        last = groups[-1] if groups else []
        if last and len(last) < together and (order == "length" or _alike(examples[last[0]], examples[index])):
            last.append(index)
        else:
            groups.append([index])
    return groups


def _alike(one: Encoded, other: Encoded) -> bool:
    first, second = one.prompt, other.prompt
    half = min(len(first), len(second)) // 2
    return first[:half] == second[:half]
