"""The engine of a policy. A policy reads the case instead of a prompt, so no prompt is encoded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from random import Random
from typing import Any

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.generation_progress import GenerationProgress
from toolmark.benchmark.policies.trivial import POLICIES

__all__ = ["PolicyEngine"]


class PolicyEngine:
    """Answers cases with one of the `POLICIES`.

    Args:
        name: Name of the policy.
        cases: The cases, in the order of the prompts.
        seed: Seed of random choices. There is one random generator for each case and epoch. So the choices for a case
            do not depend on other cases.
    """

    def __init__(self, name: str, cases: Sequence[Case], seed: int) -> None:
        self._policy = POLICIES[name]
        self._cases = cases
        self._dialect: Dialect | None = None
        self._seed = seed

    def prepare(
        self,
        prompts: Sequence[Prompt],  # noqa: ARG002
        dialect: Dialect,
        one_call: Collection[int] = (),  # noqa: ARG002
        *,
        goes_on: bool = False,  # noqa: ARG002
    ) -> None:
        """Set the dialect of the answers. No prompt is encoded."""
        self._dialect = dialect

    def environment(self) -> dict[str, Any]:
        """Return the name of the engine. A policy has no device and no threads."""
        return {"engine": "policy"}

    def notes(self) -> tuple[str, ...]:
        """Return no lines, because every case is answered."""
        return ()

    def answer(
        self,
        indices: Sequence[int],
        epoch: int = 1,
        progress: GenerationProgress | None = None,  # noqa: ARG002
    ) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion) in the order of `indices`."""
        if self._dialect is None:
            raise RuntimeError("prepare must be called before answer")
        for index in indices:
            case = self._cases[index]
            rng = Random(f"{self._seed}/{case.id}/{epoch}")  # noqa: S311 - repeatable, not secret
            yield index, self._policy(case, self._dialect, rng)
