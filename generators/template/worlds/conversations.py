"""Makes whole conversations of two to four turns: the tasks of a world in any order, and turns without a task."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from toolmark.benchmark.data.cases import Source, Toolbox
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.data.traces import QueryType, Trace
from toolmark.benchmark.tools.sandbox import Sandbox
from toolmark.benchmark.tools.worlds.world_names import WorldNames
from toolmark.benchmark.tools.worlds.world_session import WorldSession, world_sandbox
from toolmark.generators.template.worlds.bank import BANK
from toolmark.generators.template.worlds.calendar import CALENDAR
from toolmark.generators.template.worlds.choices import Choices
from toolmark.generators.template.worlds.draft import Draft, Kind, Style, Task
from toolmark.generators.template.worlds.files import FILES
from toolmark.generators.template.worlds.home import HOME
from toolmark.generators.template.worlds.inbox import INBOX
from toolmark.generators.template.worlds.shop import SHOP
from toolmark.generators.template.worlds.tickets import TICKETS
from toolmark.generators.template.worlds.travel import TRAVEL
from toolmark.generators.template.worlds.world_tasks import WorldTasks

__all__ = ["WORLDS", "world_traces"]

WORLDS = (BANK, CALENDAR, FILES, HOME, INBOX, SHOP, TICKETS, TRAVEL)

_TEST_SHARE = 0.2
"""Share of the conversations that are only for tests."""

_LENGTHS = (2, 2, 3, 3, 4)
_MOST_TRIES = 60
_IDLE_SHARE = 0.15

_QUERY_TYPES: dict[Kind, QueryType] = {"missing": "missing_argument", "nothing": "no_tool_fits", "recover": "hard"}
"""The query type of a conversation. The first kind that a conversation has decides. Without a kind, it is `easy`."""


def world_traces(seed: int, count: int, style: Style) -> Iterator[Trace]:
    """Yield `count` conversations. Each conversation depends only on the seed and on the conversation's index.

    Args:
        seed: Seed of all random choices.
        count: Number of conversations.
        style: How the user types.

    Raises:
        EnvironmentFault: The sandbox cannot be started.
    """
    with world_sandbox() as sandbox:
        for index in range(count):
            ref = f"{seed}/{index}"
            yield _trace(WORLDS[index % len(WORLDS)], Random(ref), ref, style, sandbox)  # noqa: S311 - repeatable


def _trace(world: WorldTasks, rng: Random, ref: str, style: Style, sandbox: Sandbox) -> Trace:
    choices = Choices(rng, test=rng.random() < _TEST_SHARE)
    named = WorldNames().resolve(world.name)
    state = world.state(choices)
    draft = Draft(choices, WorldSession(named, state, sandbox), style, world.free)
    _fill(draft, world, rng.choice(_LENGTHS))
    calls = [message.tool_calls[0] for message in draft.messages if message.tool_calls]
    scenario = Scenario(
        world=world.name,
        toolbox=named.toolbox,
        state=state,
        turns=tuple(draft.turns),
        free=world.free,
        split="test" if choices.test else "dev",
        tags={"kinds": sorted(draft.kinds), "steps": len(calls)},
        source=Source(name="generated/template", ref=f"worlds/{ref}"),
        licence="Apache-2.0",
    )
    return Trace(
        messages=tuple(draft.messages),
        toolbox=Toolbox(name=world.name, tools=named.toolbox.tools),
        query=draft.turns[0].user,
        query_type=next((kind for special, kind in _QUERY_TYPES.items() if special in draft.kinds), "easy"),
        tool_name=calls[0].name if calls else None,
        source=f"template/worlds/{world.name}",
        scenario=scenario,
    )


def _fill(draft: Draft, world: WorldTasks, length: int) -> None:
    """Add turns until there are `length` turns. The last task can add one more.

    A task is tried again only after every other task was tried.
    """
    rng = draft.choices.rng
    left = list(world.tasks)
    for _ in range(_MOST_TRIES):
        if len(draft.turns) >= length:
            return
        if len(draft.turns) > 0 and rng.random() < _IDLE_SHARE:
            draft.attempt(_idle(world))
            continue
        left = left or list(world.tasks)
        draft.attempt(left.pop(rng.randrange(len(left))))
    raise RuntimeError(f"the tasks of the world {world.name} do not suit its states")


def _idle(world: WorldTasks) -> Task:
    """Return a task without a call: thanks, or a request that no tool can serve."""

    def idle(draft: Draft) -> None:
        if draft.choices.chance(0.5):
            asked, answer = draft.choices.one(world.beyond)
            draft.write(asked)
            draft.decline("no_tool_fits", answer, f"Sorry, {answer}")
        else:
            draft.ask(*_THANKS)
            draft.decline("no_tool_needed", "You're welcome!", "Glad to help.", "Any time.", "My pleasure.")

    return idle


_THANKS = (
    "Thanks!",
    "Great, thank you.",
    "Perfect, thanks a lot.",
    "Wonderful.",
    "Very good, thank you!",
    "Nice work.",
    "That helps, thanks.",
    "Lovely, cheers.",
    "Thank you so much.",
    "Well done.",
)
