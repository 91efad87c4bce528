"""Finds the completions that a run lacks, and writes them to its ledger as soon as they are generated."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from toolmark.benchmark.candidates.fingerprint import run_key
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine import PromptTooLong
from toolmark.benchmark.engine.call_beginning import CallBeginning
from toolmark.benchmark.runs.ledger import Ledger
from toolmark.benchmark.runs.run import Run, RunOptions
from toolmark.benchmark.runs.session_lines import names_other_cases, session_line

__all__ = ["MissingAnswers"]


class MissingAnswers:
    """The completions that a run lacks. This class is a context manager, which locks the ledger of the run.

    When the `with` block ends, the run has all completions of its ledger. If no completion is missing, the ledger then
    ends with this session: its last run line names the cases, and the last completion of each case is the one that the
    run uses.

    Args:
        run: The run. Its candidate is not a recording.
        cases: The cases.
        options: The options of the run.

    Attributes:
        run: The run.
        cases: The cases.
        prompts: The prompt of each case.
        one_call: Indices of the cases whose completion ends after its first call.
        missing: The completions that are missing, as pairs (index of the case, epoch).

    Raises:
        EnvironmentFault: The directory of the run is locked or cannot be written.
        InputError: The ledger cannot be read.
    """

    def __init__(self, run: Run, cases: Sequence[Case], options: RunOptions) -> None:
        self.run, self.cases, self._options = run, cases, options
        rendered = (run.dialect.render(case.messages, case.toolbox.tools) for case in cases)
        self.prompts = [replace(prompt, template_args=run.template_args) for prompt in rendered]
        ending = options.decoding.stop_at_call
        self.one_call = frozenset(index for index, case in enumerate(cases) if ending and _one_call(case))
        self._keys = _keys(run, self.prompts, cases, options.epochs, self.one_call)
        self._dropped: frozenset[int] = frozenset()
        self._made: set[tuple[int, int]] = set()
        self._ledger = Ledger(run.folder, fresh=options.fresh)
        recorded = self._ledger.recorded
        self._completions = {
            answer: recorded.completions[key] for answer, key in self._keys.items() if key in recorded.completions
        }
        self.missing = [answer for answer in self._keys if answer not in self._completions]
        run.notes, run.reused = self._ledger.notes, len(self._completions)
        if options.logprobs and run.candidate.kind == "inspect":
            run.notes += _without_probability(self._completions.values(), run.dialect)
        # Without a run line, because it was broken, the keys still prove that the completions belong to this identity.
        # Only the machine is not known.
        self._last_line: Mapping[str, Any] = recorded.runs[-1] if recorded.runs else {}
        run.environment = self._last_line.get("environment", run.environment)

    def __enter__(self) -> Self:
        self._ledger.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run, cases = self.run, self.cases
        run.missing = run.too_long = tuple(cases[index].id for index in sorted(self._dropped))
        try:
            if all(answer in self._completions for answer in self._keys if answer[0] not in self._dropped):
                self._end_with_this_session()
        finally:
            self._ledger.__exit__(kind, error, trace)
        run.completions = {(cases[index].id, epoch): one for (index, epoch), one in self._completions.items()}

    def _end_with_this_session(self) -> None:
        """Make this session the last one of the ledger. Replays and exports use the last one.

        Raises:
            EnvironmentFault: The ledger cannot be written.
        """
        recorded = self._ledger.recorded.keys
        places = {answer: (self.cases[answer[0]].id, answer[1]) for answer in self._completions}
        self._ledger.append(
            (self._keys[answer], *places[answer], completion)
            for answer, completion in self._completions.items()
            if answer not in self._made and recorded.get(places[answer]) != self._keys[answer]
        )
        line = session_line(self.run, self.cases)
        if names_other_cases(self._last_line, line):
            self._ledger.open_session(line)

    def begin(self, environment: Mapping[str, Any]) -> None:
        """Write the environment in which the next completions are generated.

        Raises:
            EnvironmentFault: The ledger cannot be written.
        """
        self.run.environment = environment
        self.run.too_long = tuple(self.cases[index].id for index in sorted(self._dropped))
        self._last_line = session_line(self.run, self.cases)
        self._ledger.open_session(self._last_line)

    def add(self, index: int, epoch: int, completion: Completion) -> None:
        """Write a completion of a case to the ledger.

        Raises:
            EnvironmentFault: The ledger cannot be written.
        """
        self._ledger.append([(self._keys[index, epoch], self.cases[index].id, epoch, completion)])
        self._completions[index, epoch] = completion
        self._made.add((index, epoch))
        self.run.made += 1

    def leave_out(self, indices: Collection[int]) -> None:
        """Leave out these cases, because their prompts are too long."""
        self._dropped |= frozenset(indices)
        self.missing = [answer for answer in self.missing if answer[0] not in self._dropped]

    def leave_out_too_long(self, error: PromptTooLong) -> None:
        """Leave out the cases whose prompts do not fit into the context.

        Raises:
            InputError: The option `skip_too_long` is not set.
        """
        if not self._options.skip_too_long:
            index, length = max(error.lengths.items(), key=lambda item: item[1])
            raise InputError(
                f"{len(error.lengths)} of {len(self.prompts)} prompts are too long: the longest has {length} tokens "
                f"(case {self.cases[index].source.ref}), but a prompt can have at most {error.room}",
                "To leave these cases out, add --skip-too-long. Or allow only shorter answers, with --max-tokens N",
            )
        self.leave_out(error.lengths)


def _keys(
    run: Run, prompts: Sequence[Prompt], cases: Sequence[Case], epochs: int, one_call: Collection[int]
) -> dict[tuple[int, int], str]:
    """Return the key of each completion, by (index of the case, epoch). The ledger stores each completion with its key.

    A key is a hash of these values:

    - the identity of the run, the prompt and the epoch
    - for a policy: the expected answer, because a policy can read it
    - a mark, if the completion ends after its first call (the case is in `one_call`)
    """
    identified = run_key(run.identity)
    questions: list[object] = []
    for index, (prompt, case) in enumerate(zip(prompts, cases, strict=True)):
        question: object = [prompt.digest(), case.gold_hash] if run.candidate.kind == "policy" else prompt.digest()
        questions.append([question, "to its call"] if index in one_call else question)
    return {
        (index, epoch): digest([identified, question, epoch])
        for epoch in range(1, epochs + 1)
        for index, question in enumerate(questions)
    }


def _without_probability(reused: Collection[Completion], dialect: Dialect) -> tuple[str, ...]:
    """Return a line about reused completions that lack the probability of a call, although they could have it.

    The line is in a tuple, which is empty if there is no such completion.
    """
    if CallBeginning.of_dialect(dialect) is None:
        return ()
    lacking = sum(1 for one in reused if one.call_probability is None and not one.tool_calls)
    if not lacking:
        return ()
    return (
        f"{lacking} of {len(reused)} reused answers have no probability of a call, for example because they were "
        "generated without --logprobs. To generate all answers again, add --fresh",
    )


def _one_call(case: Case) -> bool:
    """Return whether every right answer to the case is exactly one call.

    Only for such a case is a completion allowed to end after its first call. If abstaining is right, only the whole
    completion shows whether the answer is an abstention.
    """
    return case.expect.action == "call" and all(len(option.calls) == 1 for option in case.expect.any_of)
