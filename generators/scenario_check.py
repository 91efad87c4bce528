"""Checks conversations in worlds: they are played again, and must meet their own demands."""

from __future__ import annotations

from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.scoring.gold_conversations import gold_script, play, succeeds
from toolmark.benchmark.tools.sandbox import Sandbox
from toolmark.benchmark.tools.worlds.world_names import WorldNames

__all__ = ["ScenarioCheck"]


class ScenarioCheck:
    """Plays conversations in the shipped worlds.

    Args:
        sandbox: A sandbox of `world_sandbox`. Its process starts with the first conversation.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._worlds = WorldNames()

    def fault(self, trace: Trace) -> str | None:
        """Return what is wrong with a conversation that has a scenario. Return None if nothing is wrong.

        Raises:
            InputError: The world is not a shipped one, or the state does not fit the world.
            EnvironmentFault: The sandbox cannot be started.
        """
        scenario = trace.scenario
        if scenario is None:
            raise ValueError("the conversation has no scenario")
        gold = play(scenario, gold_script(scenario), self._worlds.resolve(scenario.world), self._sandbox)
        real = [one.result.text for turn in gold for one in turn.calls]
        if real != [message.content for message in trace.messages if message.role == "tool"]:
            return "a result in the conversation differs from the result in the world"
        return None if succeeds(scenario, gold, gold) else "the conversation does not meet its demands"
