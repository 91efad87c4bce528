"""Makes the adapters of recipes while other candidates answer.

Every step of a recipe runs in a new process. The adapters are made one after the other. If a step is killed, the step
resumes when the evaluation runs again. If two evaluations need the same adapter, one makes the adapter, and the other
waits.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from subprocess import Popen
from typing import Self

from filelock import FileLock

from toolmark.benchmark.candidates.dialect_choice import recipe_dialect
from toolmark.benchmark.candidates.recipes import ADAPTERS, DATA, Plan, is_recipe, plan_recipe, read_recipe
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.core import child_processes
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.interruption import EXIT_CODE, note_interruption
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.engine.model_folder import locate

__all__ = ["RecipeMaking", "plan_of"]

_SECONDS_TO_END = 2.5
"""The seconds in which an interrupted step can print the path of its checkpoint. `interruption` gives the process of
the evaluation more seconds, so the step ends first."""


def plan_of(candidate: Candidate, device: str = "auto") -> Plan | None:
    """Return the plan for the recipe of a candidate. None if the adapter of the candidate is not a recipe.

    Raises:
        InputError: The recipe is invalid. See `plan_recipe`.
        EnvironmentFault: The weights of the base are not available.
    """
    if candidate.adapter is None or not is_recipe(path := Path(candidate.adapter)):
        return None
    recipe = read_recipe(path)
    if candidate.adapter_revision is not None:
        recipe = recipe.with_seed(int(candidate.adapter_revision))
    base = locate(replace(candidate, adapter=None)).base
    return plan_recipe(recipe, base, recipe_dialect(candidate, recipe)[0], device)


class RecipeMaking:
    """Makes the adapters of recipes in the background. This class is a context manager.

    When the `with` block ends, the running step is stopped. The next evaluation resumes this step.

    Args:
        candidates: The candidates of an evaluation, with or without recipes.
        say: A function that is called with each command before the command runs.
        device: The device for the trainings of recipes that name no device.

    Attributes:
        ready: A future for each candidate, in the order of `candidates`. The result of a future is the candidate with
            the finished adapter instead of the recipe. If there is nothing to make, the future is done at once. If a
            step fails, the future raises `InputError` or `EnvironmentFault`.

    Raises:
        InputError, EnvironmentFault: As in `plan_of`.
    """

    def __init__(self, candidates: Sequence[Candidate], say: Callable[[str], None], device: str = "auto") -> None:
        self._say = say
        self._command: Popen[bytes] | None = None
        self._ended = False
        self._thread = ThreadPoolExecutor(1, "recipes")
        plans = [plan_of(candidate, device) for candidate in candidates]
        self.ready = [self._future(candidate, plan) for candidate, plan in zip(candidates, plans, strict=True)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is KeyboardInterrupt:
            note_interruption()
        self._ended = True
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._command is not None:
            child_processes.end(self._command, _SECONDS_TO_END)
        self._thread.shutdown()

    def _future(self, candidate: Candidate, plan: Plan | None) -> Future[Candidate]:
        if plan is None or plan.has_adapter:
            done: Future[Candidate] = Future()
            done.set_result(
                candidate if plan is None else replace(candidate, adapter=str(plan.adapter), adapter_revision=None)
            )
            return done
        return self._thread.submit(self._make, candidate, plan)

    def _make(self, candidate: Candidate, plan: Plan) -> Candidate:
        for folder in (DATA, ADAPTERS):
            folder.mkdir(exist_ok=True)
        lock = FileLock(ADAPTERS / f".{plan.adapter.name}.lock")
        with phase(f"waiting until another command has made {plan.adapter}"):
            held = lock.acquire(cancel_check=lambda: self._ended)
        with held:
            if not plan.has_adapter:
                if not plan.has_data:
                    self._run(plan.generate)
                self._run(plan.train)
        return replace(candidate, adapter=str(plan.adapter), adapter_revision=None)

    def _run(self, arguments: Sequence[str]) -> None:
        """Run `toolmark` with `arguments` in a new process.

        A new process is used, because a training must not read test cases, and because all its memory must be free
        afterwards.
        """
        shown = shlex.join(["toolmark", *arguments])
        self._say(shown)
        command = [sys.executable, "-m", "toolmark.benchmark.cli", *arguments]
        # Two processes cannot both rewrite the last line of a terminal, so the step prints plain lines.
        self._command = child_processes.start(command, {**os.environ, "TTY_COMPATIBLE": "0"})
        if self._ended:  # the `with` block ended between two commands
            child_processes.end(self._command, _SECONDS_TO_END)
        code = child_processes.wait(self._command)
        if code == 0:
            return
        if code == EXIT_CODE:
            raise KeyboardInterrupt
        kind = EnvironmentFault if code == EnvironmentFault.exit_code else InputError
        raise kind(
            f"a step of the recipe failed with exit code {code}; its error is printed above",
            f"Correct the error, and run the evaluation again. To run only this step: {shown}",
        )
