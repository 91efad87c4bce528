"""Takes conversations from a recording. No model is asked, and no tool is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.runs.recorded_epochs import take_epochs
from toolmark.benchmark.runs.replay import Replay, read_replay
from toolmark.benchmark.runs.run import Run
from toolmark.benchmark.scoring.conversations import Conversation
from toolmark.benchmark.tools.worlds.world_names import NamedWorld

__all__ = ["replayed_conversations"]


def replayed_conversations(
    run: Run,
    scenarios: Sequence[Scenario],
    starts: Mapping[str, JsonValue],
    worlds: Callable[[str], NamedWorld],
    *,
    partial: bool,
    skip_too_long: bool,
) -> Mapping[tuple[str, int], Conversation]:
    """Return the conversations of a recording by (scenario id, epoch). All recorded epochs are used.

    Args:
        run: The run. Its candidate is the recording. Its notes tell if the world has another version now.
        scenarios: The scenarios.
        starts: The state of the world at the start of each scenario, by the id of the scenario.
        worlds: Function that returns the world for a name.
        partial: Whether scenarios are allowed to be missing.
        skip_too_long: Whether the scenarios are allowed to be missing that were too long for the recorded model.

    Raises:
        InputError: As in `take_epochs`.
    """
    replay = read_replay(Path(run.candidate.base))
    by_id = {scenario.id: scenario for scenario in scenarios}
    found: dict[tuple[str, int], Conversation] = {}
    for place, steps in replay.conversations.items():
        scenario_id, epoch = place
        if scenario_id in by_id:
            found[place] = Conversation(by_id[scenario_id], run.dialect, starts[scenario_id], epoch)
            for _, step in steps:
                if not found[place].ended:
                    found[place].take(step)

    def has(scenario_id: str, epoch: int) -> bool:
        return (scenario_id, epoch) in found and found[scenario_id, epoch].ended

    judged = take_epochs(run, replay, scenarios, has, partial=partial, skip_too_long=skip_too_long)
    held = {place: found[place] for place in judged}
    run.reused = len(held)
    run.notes += _of_other_versions(held, replay, worlds)
    return held


def _of_other_versions(
    held: Mapping[tuple[str, int], Conversation], replay: Replay, worlds: Callable[[str], NamedWorld]
) -> tuple[str, ...]:
    """Return a line for each world that had another version when its conversations were recorded."""
    changed: Counter[str] = Counter()
    for place, conversation in held.items():
        world = conversation.scenario.world
        changed[world] += replay.worlds.get(place) not in (None, worlds(world).code)
    return tuple(
        f"{count} of {len(held)} conversations were recorded in another version of the world {world!r}, but they are "
        "judged by the gold in the present version. Run the model again, so that both versions are the same"
        for world, count in changed.items()
        if count
    )
