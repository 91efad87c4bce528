"""The tree of common prefixes holds every row, in order and whole."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from toolmark.benchmark.engine.prefix_tree import _SHORTEST, prefix_leaves

PIECE = st.sampled_from([1, 2, 3]).map(lambda token: [token] * (_SHORTEST // 2))
ROWS = st.lists(st.lists(PIECE, min_size=1, max_size=8).map(lambda pieces: [*chain.from_iterable(pieces)]), max_size=12)


@given(rows=ROWS)
def test_path_and_own_tokens_are_the_row(rows: list[list[int]]) -> None:
    leaves = list(prefix_leaves(dict(enumerate(rows))))
    assert sorted(leaf.index for leaf in leaves) == list(range(len(rows)))
    for leaf in leaves:
        assert [token for node in leaf.path for token in node.ids] + list(leaf.ids) == rows[leaf.index]
        assert leaf.ids
        assert all(len(node.ids) >= _SHORTEST for node in leaf.path)
        assert [node.start for node in leaf.path] == [
            sum(len(before.ids) for before in leaf.path[:depth]) for depth in range(len(leaf.path))
        ]


@given(rows=ROWS)
def test_rows_of_a_node_follow_one_another_and_are_counted(rows: list[list[int]]) -> None:
    leaves = list(prefix_leaves(dict(enumerate(rows))))
    for node in {node for leaf in leaves for node in leaf.path}:
        at = [number for number, leaf in enumerate(leaves) if node in leaf.path]
        assert at == list(range(at[0], at[0] + node.sequences))
        assert node.sequences > 1


def test_a_toolbox_is_one_node_however_many_ask() -> None:
    tools, other = list(range(1000)), [-1] * 500
    rows = {n: [*(tools if n % 2 else other), 5000 + n] for n in range(20)}
    leaves = list(prefix_leaves(rows))
    assert {len(leaf.ids) for leaf in leaves} == {1}
    assert sum(len(node.ids) for node in {node for leaf in leaves for node in leaf.path}) == 1500
