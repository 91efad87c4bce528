"""Runs the calls of one conversation in a world, and holds the state of the world.

The worker of the sandbox keeps no state. Each call gets the state, and returns the state after the call. So one sandbox
serves many conversations, a worker that ended loses nothing, and a conversation can be continued from a stored state.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace

from pydantic import JsonValue

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Call, Tool
from toolmark.benchmark.tools.sandbox import LARGEST_ERROR, CallLimits, Result, Sandbox
from toolmark.benchmark.tools.worlds.world_names import NamedWorld

__all__ = ["LARGEST_STATE", "StateError", "WorldSession", "world_sandbox"]

LARGEST_STATE = 2**20
"""Largest size of a state as JSON, in bytes."""

_LARGEST_ARGUMENTS = 2**16
_LARGEST_RESULT = CallLimits().output
_ENVELOPE = 2**10


class StateError(InputError):
    """A state does not belong to its world, or is too large."""


def world_sandbox(limits: CallLimits | None = None) -> Sandbox:
    """Return a sandbox whose answers have room for the state of a world.

    Args:
        limits: Limits of each call. The limit of the result is raised. The limit of the arguments is lowered: many
            results contain the arguments, and a model must not be able to make a result too large.
    """
    room = LARGEST_STATE + _LARGEST_RESULT + _ENVELOPE
    return Sandbox(replace(limits or CallLimits(), output=room, arguments=_LARGEST_ARGUMENTS))


class WorldSession:
    """The world of one conversation. Sessions can share a sandbox, if only one of them uses it at a time.

    Args:
        world: The world.
        state: The state in which the conversation begins.
        sandbox: A sandbox of `world_sandbox`.

    Attributes:
        state: The state after the last call.

    Raises:
        StateError: `state` is no state of this world, or is too large.
        InputError: The world cannot be imported.
        EnvironmentFault: The sandbox cannot be started.
    """

    def __init__(self, world: NamedWorld, state: JsonValue, sandbox: Sandbox) -> None:
        self._world, self._sandbox = world, sandbox
        reader = Tool(name="state", parameters={"type": "object", "maxProperties": 0}, run=f"{world.run}.state")
        if (size := len(json.dumps(state))) > LARGEST_STATE:
            raise StateError(
                f"The state has {size} bytes, but at most {LARGEST_STATE} are allowed", "Shorten the state."
            )
        result = self._played(reader, Call(name="state"), state)
        if result.kind != "ok":
            raise StateError(
                f"The state does not fit the world {world.name!r}: {str(result.error).replace('self.', '')}",
                "Correct the state.",
            )

    def call(self, call: Call, offered: Collection[str] | None = None) -> Result:
        """Make a call, and return the result. If the kind of the result is not `ok`, the state has not changed.

        If the kind is `error`, the model can correct itself: the tool refused the call, the arguments do not fit the
        schema, or no such tool is offered. All kinds except `ok` and `error` are a fault of the
        world. The conversation should end then.

        Args:
            call: The call of the model.
            offered: Names of the tools that are offered now. None means all tools of the world.

        Raises:
            EnvironmentFault: The sandbox cannot be started.
        """
        names = [name for name in self._world.toolbox.names if offered is None or name in offered]
        if call.name not in names:
            return Result(None, f"There is no tool {call.name!r:.100}. The tools are: {', '.join(names)}.", "error")
        return self._played(self._world.toolbox[call.name], call, self.state)

    def _played(self, tool: Tool, call: Call, state: JsonValue) -> Result:
        result = self._sandbox.run(tool, call.arguments, state)
        match result.value:
            case {"refused": str(reason)}:
                return Result(None, reason[:LARGEST_ERROR], "error")
            case {"broken": str(reason)}:
                return Result(None, f"the world has a defect: {reason}"[:LARGEST_ERROR], "crash")
            case {"value": value, "state": after}:
                return self._after(value, after)
            case _ if result.kind == "ok":
                return Result(None, "the answer of the process of the call cannot be read", "crash")
        return result

    def _after(self, value: JsonValue, state: JsonValue) -> Result:
        for what, part, most in (("result", value, _LARGEST_RESULT), ("state", state, LARGEST_STATE)):
            if (size := len(json.dumps(part))) > most:
                return Result(None, f"the {what} has {size} bytes, but at most {most} are allowed", "too_large")
        self.state = state
        return Result(value, None, "ok")
