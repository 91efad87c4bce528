"""Steps are split into passes of similar sizes, and conversations that begin alike stay together."""

from __future__ import annotations

import pytest

from toolmark.benchmark.engine.encoding import Encoded
from toolmark.trainers.finetuning.step_passes import passes_that_fit, split_steps


def example(prompt: str, reply: str = "ok") -> Encoded:
    ids = [ord(char) for char in prompt + reply]
    return Encoded(ids, [False] * len(prompt) + [True] * len(reply))


LONG = [example("a" * 90 + name) for name in "xyz"] + [example("b" * 90 + name) for name in "xyz"]
OWN = [example(name * 40) for name in "abcdef"]


@pytest.mark.parametrize(
    ("examples", "of_a_step", "passes", "packed", "expected"),
    [
        (LONG, 6, 1, True, [(0, 1, 2, 3, 4, 5)]),
        (LONG, 6, 2, True, [(0, 1, 2), (3, 4, 5)]),  # not in the middle of a group
        ([LONG[0], *LONG[3:]], 4, 2, True, [(0,), (1, 2, 3)]),  # a group is cheaper whole than two halves
        (OWN, 6, 3, True, [(0, 1), (2, 3), (4, 5)]),
        (OWN, 4, 2, False, [(0, 1), (2, 3), (4,), (5,)]),  # the last step is smaller
        (OWN[:1], 4, 3, True, [(0,), (), ()]),  # every process computes as many passes
        ([OWN[0], example("x" * 200), OWN[1], OWN[2]], 4, 3, False, [(0,), (1,), (2, 3)]),  # padding costs, too
    ],
)
def test_the_largest_pass_is_as_small_as_possible(examples, of_a_step, passes, packed, expected):
    assert split_steps(examples, range(len(examples)), of_a_step, passes, packed=packed) == expected


@pytest.mark.parametrize(
    ("examples", "of_a_step", "tokens", "packed", "expected"),
    [
        (LONG, 6, 198, True, 1),  # 93 + 3 + 3 tokens for each beginning
        (LONG, 6, 197, True, 2),
        (LONG, 6, 200, False, 3),  # two rows of 93 tokens
        (LONG, 6, 50, True, 6),  # a conversation is never split
        (LONG, 2, 100, True, 2),  # the second step has two different beginnings
    ],
)
def test_the_fewest_passes_that_fit(examples, of_a_step, tokens, packed, expected):
    assert passes_that_fit(examples, range(len(examples)), of_a_step, tokens, packed=packed) == expected
