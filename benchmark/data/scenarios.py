"""Defines scenarios. A scenario is a conversation of several turns of a user in a world, whose tools share a state.

The turns of the user are fixed. After each of them, a model calls tools until it answers in words. Each turn has the
demands that must be met after the answer, and the gold: calls and an answer that meet the demands. Other calls that
meet the demands are right, too.

`readers/scenarios.py` makes scenarios from files.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, JsonValue, Tag, model_validator

from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.data.cases import Abstain, Call, CallOption, Source, Toolbox
from toolmark.benchmark.data.frozen import Frozen
from toolmark.benchmark.data.match_rules import Accept, as_accept
from toolmark.benchmark.data.state_paths import check_path

__all__ = ["Demands", "Gold", "GoldCall", "ReachGold", "Scenario", "Turn", "TurnExpectation"]

StatePath = Annotated[str, AfterValidator(check_path)]
"""A path into the state of a world. See `state_paths.py`."""


class Demands(Frozen):
    """What must be true after a turn. All demands must be met.

    Attributes:
        calls: Complete right answers, as `any_of` in a case. All calls of one of these answers must be made, and must
            succeed. Further calls are allowed.
        reach: The rule for the value at each path, after the turn. If the path has the step `*`, more values must be
            right than before the turn. So `/orders/*` demands a new order.
        gone: Paths that lead to nothing after the turn.
        say: What the answer must tell the user. Each element lists different ways to say the same thing: strings,
            numbers, dates or times. For each element, the answer must contain at least one of these ways.
        keep: Paths whose values the turn is not allowed to change. The empty path is the whole state.
    """

    calls: tuple[CallOption, ...] = ()
    reach: dict[StatePath, Annotated[Accept, BeforeValidator(as_accept)]] = Field(default_factory=dict)
    gone: tuple[StatePath, ...] = ()
    say: tuple[Annotated[tuple[str | int | float, ...], Field(min_length=1)], ...] = ()
    keep: tuple[StatePath, ...] = ()

    @model_validator(mode="after")
    def _demands_something(self) -> Demands:
        if not (self.calls or self.reach or self.gone or self.say or self.keep):
            raise ValueError("nothing is demanded. Write calls, reach, gone, say or keep")
        return self


class ReachGold(Frozen):
    """The expectation that the turn reaches exactly what the gold reaches, as in BFCL's multi-turn categories.

    If the gold calls nothing in the turn, nothing is expected. Otherwise, all of these conditions must be true:

    - The model makes at least one call in the turn.
    - After the turn, the state equals the state after the same turn of the gold. The paths in `free` are not compared.
    - For each call of the gold in this turn, a call of the model gave the same result, in this turn or in an earlier
      turn. If several calls of the gold gave equal results, the model must have as many of these results.
    """

    action: Literal["reach_gold"]


def _kind(expect: Any) -> str:
    action = expect.get("action") if isinstance(expect, Mapping) else getattr(expect, "action", None)
    return "demands" if action is None else str(action)


TurnExpectation = Annotated[
    Annotated[Demands, Tag("demands")] | Annotated[Abstain, Tag("abstain")] | Annotated[ReachGold, Tag("reach_gold")],
    Discriminator(
        _kind,
        custom_error_type="unknown_action",
        custom_error_message='"action" of a turn must be "abstain" or "reach_gold". To demand something, leave '
        '"action" out, and write calls, reach, gone, say or keep',
    ),
]
"""`Demands`, or `Abstain` if the model is allowed to read but not to try a change, or `ReachGold`."""


class GoldCall(Call):
    """A call of the gold.

    Attributes:
        fails: Whether the result of this call is an error. The model must then find another way.
    """

    fails: bool = False


class Gold(Frozen):
    """One right way through a turn: the calls in order, then the answer to the user."""

    calls: tuple[GoldCall, ...] = ()
    answer: str = Field(min_length=1)


class Turn(Frozen):
    """One turn of the user.

    Attributes:
        user: What the user writes.
        expect: What must be true after the turn.
        gold: One right way through the turn.
        wrong: Calls that a model could make by mistake. With these calls, the scenario must fail.
    """

    user: str = Field(min_length=1)
    expect: TurnExpectation
    gold: Gold
    wrong: tuple[Call, ...] = ()


class Scenario(Frozen):
    """A conversation of several turns in a world.

    A scenario succeeds if the demands of every turn are met, and if the conversation and the gold end in the same
    state. The paths in `free` are not compared. If the last turn has the expectation `ReachGold`, the state at the end
    is compared only as this expectation says.

    Attributes:
        world: The name of the world.
        toolbox: All tools of the world.
        system: Text of the system turn, for example today's date. Empty if there is none.
        state: The state in which the conversation begins.
        turns: The turns of the user.
        tools_from_turn: Tools that are offered only from a later turn on. The first turn has the number 1.
        free: Paths whose values can differ from the gold, for example the text of a message.
        group: The cluster of the scenario in the statistics.
    """

    world: str
    toolbox: Toolbox
    system: str = ""
    state: dict[str, JsonValue]
    turns: tuple[Turn, ...] = Field(min_length=1)
    tools_from_turn: dict[str, int] = Field(default_factory=dict)
    free: tuple[StatePath, ...] = ()
    split: Literal["dev", "test"] = "test"
    group: str = ""
    tags: dict[str, JsonValue] = Field(default_factory=dict)
    source: Source
    licence: str
    waiver: str | None = None

    @model_validator(mode="after")
    def _later_tools_exist(self) -> Scenario:
        for name, turn in self.tools_from_turn.items():
            if name not in self.toolbox.names:
                raise ValueError(f'"tools_from_turn" names {name!r}, which is not a tool of the world {self.world!r}')
            if len(self.turns) == 1:
                raise ValueError(f'"tools_from_turn" offers {name} in a later turn, but the scenario has only one turn')
            if not 2 <= turn <= len(self.turns):
                raise ValueError(
                    f'"tools_from_turn" offers {name} from turn {turn}, but must name a turn from 2 to '
                    f"{len(self.turns)}"
                )
        return self

    def offered(self, turn: int) -> Toolbox:
        """Return the tools that are offered in a turn.

        Args:
            turn: The number of the turn, from 1.
        """
        if not self.tools_from_turn:
            return self.toolbox
        tools = tuple(tool for tool in self.toolbox.tools if self.tools_from_turn.get(tool.name, 1) <= turn)
        return Toolbox(name=self.toolbox.name, tools=tools)

    @cached_property
    def id(self) -> str:
        """Return the hash of the parts that a model sees: the tools, the texts of the user, and the state."""
        return digest(
            {
                "system": self.system,
                "users": [turn.user for turn in self.turns],
                "tools": [tool.shown() for tool in self.toolbox.tools],
                "tools_from_turn": self.tools_from_turn,
                "state": self.state,
            }
        )

    @cached_property
    def gold_hash(self) -> str:
        """Return the hash of the parts that a model does not see: the demands, the gold, the tags and the waiver."""
        turns = [turn.model_dump(mode="json", exclude={"user"}) for turn in self.turns]
        return digest({"turns": turns, "free": self.free, "tags": self.tags, "waiver": self.waiver})

    @property
    def gold_steps(self) -> int:
        """Return the number of answers of the gold, if each of its answers has at most one call."""
        return sum(len(turn.gold.calls) + 1 for turn in self.turns)

    @property
    def cluster(self) -> str:
        """Return the cluster of this scenario in the statistics: its group, or the scenario alone."""
        return self.group or self.id
