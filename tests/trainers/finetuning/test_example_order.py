"""In which order examples are learnt."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from toolmark.benchmark.engine.encoding import Encoded
from toolmark.trainers.finetuning.example_order import arrange, chosen_by_share

LISTS = 5


def example(of: int, number: int) -> Encoded:
    """Ten tokens that every example of a list begins with, then one or more of its own."""
    ids = [of] * 10 + [100 + number] * (1 + number % 3)
    return Encoded(ids, [False] * 10 + [True] * (len(ids) - 10))


EXAMPLES = [example(number % LISTS, number) for number in range(60)]


@given(together=st.sampled_from([1, 2, 3, 4, 6, 12]), seed=st.integers(0, 99))  # a list's 12 fall into whole groups
def test_examples_of_one_prefix_stand_together_up_to_a_bound(together, seed):
    places = arrange(EXAMPLES, "prefix", together, 1, seed)
    assert sorted(places) == list(range(60))
    starts = [EXAMPLES[place].ids[0] for place in places]
    assert all(len(set(starts[begin : begin + together])) == 1 for begin in range(0, 60, together))
    if together == 1:
        assert max(len(list(run)) for _, run in groupby(starts)) < 12


@given(order=st.sampled_from(["random", "length", "prefix"]), epochs=st.floats(0.1, 3))
def test_epochs_read_everything_equally_often(order, epochs):
    places = arrange(EXAMPLES, order, 16, epochs, 1)
    assert len(places) == round(60 * epochs)
    counts = Counter(places)
    assert max(counts.values()) - min(counts[place] for place in range(60)) <= 1
    assert places == arrange(EXAMPLES, order, 16, epochs, 1)


def test_a_smaller_share_lies_in_a_larger_one():
    kinds = ["easy", "no_tool", "hard"] * 20
    few, many = (set(chosen_by_share(kinds, {"easy": share, "no_tool": 1.0}, 1)) for share in (0.25, 0.75))
    assert few < many
    assert Counter(kinds[place] for place in few) == {"easy": 5, "no_tool": 20}
    assert chosen_by_share(kinds, {}, 1) == list(range(60))
