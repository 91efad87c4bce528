"""The tokens by which a reply decides: whether it is a call or an answer, and of which tool it gives the name.

Most tokens of a reply follow from that choice; a few make it, and in a mean over all of them they are lost among
arguments and words. They are found in token ids, in whatever dialect: a reply is a call where it begins as a call of an
offered tool does, up to the end of the tool's name. It decides at the token where it leaves what every answer begins
with, by those of the name, which are what it has beyond the beginning of every call, and by the next one, which ends
the name. An answer decides where it leaves the beginning of every call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.engine.encoding import encode

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.dialects import Dialect
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["Decisions"]

_ASKED = Message(role="user", content="probe")
_ANSWERS = ("one", "2, 3")
_NAMES = ("a", "b2")
_ARGUMENTS: tuple[dict[str, int], ...] = ({}, {"probe": 1})


class Decisions:
    """Finds the tokens that decide.

    Args:
        dialect: In which replies are written.
        tokenizer: With its chat template.
    """

    def __init__(self, dialect: Dialect, tokenizer: PreTrainedTokenizerBase) -> None:
        self._dialect, self._tokenizer = dialect, tokenizer
        self._answer = _beginning(self._written(Message(role="assistant", content=text)) for text in _ANSWERS)
        self._call: list[int] | None = None
        self._named: dict[str, list[int]] = {}

    def of(self, encoded: Encoded, tools: Sequence[Tool]) -> frozenset[int]:
        """Places in `encoded.ids` of the tokens that decide, in each turn to learn; of several calls the first one's.

        Raises:
            InputError: As `encode`: the template cannot tell a call.
        """
        if not tools:
            return frozenset()
        if self._call is None:
            self._call = _beginning(self._begun(name) for name in _NAMES)
        begun = [self._begun(tool.name) for tool in tools]
        found: set[int] = set()
        for start, reply in encoded.turns():
            named = max((len(ids) for ids in begun if _common(reply, ids) == len(ids)), default=None)
            leaves = _common(reply, self._call)
            if named is None:
                found.add(start + leaves)
            else:
                found |= {start + _common(reply, self._answer), *range(start + leaves, start + named + 1)}
        return frozenset(found)

    def _begun(self, name: str) -> list[int]:
        """The ids with which every call of a tool begins, up to the one that completes its name."""
        if name not in self._named:
            calls = (Call(name=name, arguments=given) for given in _ARGUMENTS)
            ids = _beginning(self._written(Message(role="assistant", tool_calls=(call,))) for call in calls)
            said = [str(self._tokenizer.decode(ids[:end])).count(name) for end in range(len(ids) + 1)]
            self._named[name] = ids[: said.index(said[-1])]  # what is written around it may hold the name, too
        return self._named[name]

    def _written(self, reply: Message) -> list[int]:
        tools = [Tool(name=call.name) for call in reply.tool_calls]
        prompt = self._dialect.render((_ASKED,), tools)
        ((_, ids),) = encode(prompt, self._tokenizer, self._dialect.render((_ASKED, reply), tools).messages[-1]).turns()
        return ids


def _beginning(replies: Iterable[list[int]]) -> list[int]:
    """What both replies begin with."""
    one, other = replies
    return one[: _common(one, other)]


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
