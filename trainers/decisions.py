"""The tokens by which a reply decides: where it parts from whatever else could be said to the same tools.

A reply chooses between an answer and a call, and among the tools that are offered. Most of its tokens follow from that
choice; a few make it, and in a mean over all of them they are lost among arguments and words. Written in a dialect, the
choices are a tree of token ids: a branch for each offered tool, as far as its name stands, and one for an answer. A
token of the reply decides where another branch leaves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from benchmark.cases import Call, Message
from benchmark.engine.encoding import encode

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from benchmark.cases import Tool
    from benchmark.dialects import Dialect
    from benchmark.engine.encoding import Encoded

__all__ = ["Decisions"]

_ASKED = Message(role="user", content="probe")


class Decisions:
    """Finds the tokens that decide.

    Args:
        dialect: In which replies are written.
        tokenizer: With its chat template.
    """

    def __init__(self, dialect: Dialect, tokenizer: PreTrainedTokenizerBase) -> None:
        self._dialect, self._tokenizer = dialect, tokenizer
        self._calls: dict[str, list[int]] = {}
        self._answer = self._opening((), *(Message(role="assistant", content=text) for text in ("one", "2, 3")))

    def of(self, encoded: Encoded, tools: Sequence[Tool]) -> frozenset[int]:
        """Places in `encoded.ids` of the tokens that decide, in each turn to learn; of several calls the first one's.

        Raises:
            InputError: As `encode`: the template cannot tell a call.
        """
        openings = [self._answer, *(self._call(tool) for tool in tools)]
        return frozenset(start + place for start, reply in encoded.turns() for place in _partings(reply, openings))

    def _call(self, tool: Tool) -> list[int]:
        if tool.name not in self._calls:
            calls = (Call(name=tool.name, arguments=given) for given in ({}, {"probe": 1}))
            written = (Message(role="assistant", tool_calls=(call,)) for call in calls)
            self._calls[tool.name] = self._opening((tool,), *written)
        return self._calls[tool.name]

    def _opening(self, tools: Sequence[Tool], *replies: Message) -> list[int]:
        """The ids with which all of these replies begin."""
        prompt = self._dialect.render((_ASKED,), tools)
        written = []
        for reply in replies:
            turn = self._dialect.render((_ASKED, reply), tools).messages[-1]
            written += [ids for _, ids in encode(prompt, self._tokenizer, turn).turns()]
        return written[0][: min(_common(written[0], other) for other in written[1:])]


def _partings(reply: Sequence[int], openings: Sequence[Sequence[int]]) -> Iterator[int]:
    """Where other choices leave a reply; its own is the one with whose whole opening it begins, the longest of them."""
    shared = [_common(reply, opening) for opening in openings]
    begun = [number for number, opening in enumerate(openings) if shared[number] == len(opening)]
    own = max(begun, key=shared.__getitem__, default=None)
    return (count for number, count in enumerate(shared) if number != own and count < len(reply))


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
