"""Brings the results of parallel calls into the order of the calls.

In the APIs, a result names its call by an id, or by the name of the tool, so results can have any order. In a trace,
calls have no ids, and the first result belongs to the first call.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["in_order_of_calls"]


def in_order_of_calls(turns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return turns in OpenAI's form, in which neighbouring results have the order of their calls.

    Each result gets the name of its tool, and loses the id of its call.

    Args:
        turns: The turns. Calls can have the keys `id` and `name`. A result has the keys `tool_call_id` or `name`, or
            both. The id decides if a call has this id.

    Raises:
        ValueError: A result belongs to no call of the assistant turns before it, or its call already has a result.
    """
    ordered: list[dict[str, Any]] = []
    calls = _WaitingCalls()
    results: list[tuple[int, dict[str, Any]]] = []
    for turn in turns:
        if turn["role"] == "tool":
            position, name = calls.take(turn)
            results.append((position, {"role": "tool", "name": name, "content": turn["content"]}))
            continue
        ordered += _sorted(results)
        results = []
        if turn["role"] == "assistant":
            if not ordered or ordered[-1]["role"] != "assistant":
                calls = _WaitingCalls()
            calls.add(turn.get("tool_calls", ()))
        ordered.append(dict(turn))
    return ordered + _sorted(results)


def _sorted(results: list[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [turn for _, turn in sorted(results, key=lambda result: result[0])]


class _WaitingCalls:
    """The calls of a reply that have no result yet."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._taken: set[int] = set()
        self._positions: dict[tuple[str, Any], deque[int]] = defaultdict(deque)

    def add(self, calls: Sequence[Mapping[str, Any]]) -> None:
        for call in calls:
            for key in ("id", "name"):
                if isinstance(call.get(key), str):
                    self._positions[key, call[key]].append(len(self._names))
            self._names.append(str(call.get("name")))

    def take(self, result: Mapping[str, Any]) -> tuple[int, str]:
        """Return the position and the name of the call to which a result belongs."""
        for key in (("id", result.get("tool_call_id")), ("name", result.get("name"))):
            waiting = self._positions[key]
            while waiting:
                position = waiting.popleft()
                if position not in self._taken:
                    self._taken.add(position)
                    return position, self._names[position]
        named = result.get("tool_call_id") or result.get("name")
        raise ValueError(f"the result {named!r:.80} belongs to no call before it, or its call already has a result")
