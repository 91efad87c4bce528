"""The first phase of a run: generates a completion for every prompt, and writes the completions to the ledger.

Completions that are already in the ledger are reused. So a killed run continues where it stopped, and a run with a
larger `--limit` generates only the additional completions. The engine is opened only if a completion is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from toolmark.benchmark.candidates.fingerprint import environment
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.engine import NotAnswered, PromptTooLong
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.engine.generation_progress import Forecast, GenerationProgress
from toolmark.benchmark.engine.timed_answers import timed
from toolmark.benchmark.runs.missing_answers import MissingAnswers
from toolmark.benchmark.runs.recorded_epochs import take_epochs
from toolmark.benchmark.runs.replay import read_replay
from toolmark.benchmark.runs.run import Run, RunOptions

__all__ = ["generate", "not_answered"]


def _replayed(
    run: Run,
    cases: Sequence[Case],
    available: Sequence[Case],
    options: RunOptions,
    partial: bool,
    left_out: Collection[str],
) -> Run:
    replay = read_replay(Path(run.candidate.base))
    recorded = replay.answers(available, partial=partial, left_out=left_out)

    def has(case_id: str, epoch: int) -> bool:
        return (case_id, epoch) in recorded

    judged = take_epochs(run, replay, cases, has, partial=partial, skip_too_long=options.skip_too_long)
    run.completions = {answer: recorded[answer] for answer in judged}
    run.reused = len(judged)
    return run


def generate(
    run: Run,
    cases: Sequence[Case],
    options: RunOptions,
    engines: Engines,
    forecast: Callable[[Forecast], None] = lambda _: None,
    *,
    partial: bool = False,
    available: Sequence[Case] = (),
    left_out: Collection[str] = (),
) -> Run:
    """Generate the completions of all cases and epochs that are not in the ledger. Store all in `run`.

    Of a recording, all recorded epochs are used, whatever the number in `options`.

    Args:
        run: The run.
        cases: The cases.
        options: The options of the run.
        engines: Opens the engine.
        forecast: A function that is called with the first estimate of the time for the missing completions.
        partial: Only for a recording. If True, cases are allowed to be missing, and answers to other cases are ignored.
            If False, both are errors.
        available: Only for a recording: all cases that the recording is allowed to answer. If empty, these are `cases`.
        left_out: Only for a recording: references of the rows that were left out when the case files were read.

    Returns:
        `run`.

    Raises:
        InputError: A prompt is too long. Or a recording has missing cases, no case at all, other cases, or two answers
            to a case.
        EnvironmentFault: The directory of the run is locked or cannot be written, or the engine cannot be opened. Or a
            served model does not answer a case. The other answers of the model are then in the ledger.
    """
    if run.candidate.kind == "replay":
        return _replayed(run, cases, available or cases, options, partial, left_out)
    with MissingAnswers(run, cases, options) as answers:
        if not answers.missing:
            return run
        engine = engines.open(run.candidate, run.weights, run.device, str(run.identity.get("dtype")), cases)
        try:
            engine.prepare(answers.prompts, run.dialect, answers.one_call)
        except PromptTooLong as error:
            answers.leave_out_too_long(error)
        answers.begin(environment(**engine.environment()))
        progress = GenerationProgress(len(answers.missing), forecast)
        for epoch in range(1, options.epochs + 1):
            indices = [index for index, epoch_of_answer in answers.missing if epoch_of_answer == epoch]
            if not indices:
                continue
            try:
                with phase(progress.line):
                    for index, completion in timed(engine, indices, epoch, progress):
                        answers.add(index, epoch, completion)
            except NotAnswered as error:
                answers.leave_out(not_answered(error, run, cases, engine.notes(), options.skip_too_long))
        run.notes += engine.notes()
    return run


def not_answered(
    error: NotAnswered, run: Run, cases: Sequence[Case | Scenario], notes: Sequence[str], skip: bool
) -> frozenset[int]:
    """Return the indices of the cases that were too long for the server.

    If `skip` is false, such a case is an error. A case that has no answer for another reason is always an error.
    """
    if set(error.reasons) <= error.too_long and error.asked and skip:
        return frozenset(error.too_long)
    index, reason = next(item for item in error.reasons.items() if item[0] not in error.too_long or not skip)
    others = len(error.reasons) - 1
    case = cases[index]
    what = f"{run.candidate.name} did not answer case {case.id} ({case.source.ref}): {reason}"
    what += f"; {others} other cases have no answer either" if others else ""
    what += "" if error.asked else ". The server seems to be down, so the other cases were not sent"
    notes_text = "".join(f". {note}" for note in notes)
    if index in error.too_long:
        raise InputError(what + notes_text, "To leave out cases that are too long, add --skip-too-long")
    raise EnvironmentFault(
        what + notes_text,
        f"Run the same command again. {run.made + run.reused} completions are kept in {run.folder} and reused.",
    )
