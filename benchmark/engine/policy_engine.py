"""A policy where a model would be: it looks at the case itself, so nothing is encoded and nothing can be too long."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from random import Random
from typing import Any

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.policies.trivial import POLICIES

__all__ = ["PolicyEngine"]


class PolicyEngine:
    """Answers by one of `POLICIES`.

    Args:
        name: Of the policy.
        cases: In the order of the prompts.
        seed: Of what it draws; each case and epoch draws on its own, whatever is asked beside it.
    """

    def __init__(self, name: str, cases: Sequence[Case], seed: int) -> None:
        self._policy = POLICIES[name]
        self._cases = cases
        self._dialect: Dialect | None = None
        self._seed = seed

    def prepare(self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int] = ()) -> None:  # noqa: ARG002
        """Write in `dialect`. There is nothing to encode: the cases are known."""
        self._dialect = dialect

    def environment(self) -> dict[str, Any]:
        """No device and no threads."""
        return {"engine": "policy"}

    def notes(self) -> tuple[str, ...]:
        """Nothing: no answer fails to come."""
        return ()

    def answer(self, indices: Sequence[int], epoch: int = 1) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion) in the given order."""
        if self._dialect is None:
            raise RuntimeError("prepare comes before answer")
        for index in indices:
            case = self._cases[index]
            rng = Random(f"{self._seed}/{case.id}/{epoch}")  # noqa: S311 - repeatable, not secret
            yield index, self._policy(case, self._dialect, rng)
