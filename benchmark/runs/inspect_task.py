"""The second phase of a run: an Inspect eval reads the completions, grades them, and writes the `.eval` log.

The command `inspect eval suites/test_timing.py --model …` uses the same scorer. With that command, Inspect itself sends
the prompts to the model.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Collection, Mapping, MutableMapping, MutableSequence, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zipfile import BadZipFile

from toolmark.benchmark.core.errors import EnvironmentFault, InputError, ToolmarkError
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Case, Toolbox
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.inspect_dotenv import without_dotenv
from toolmark.benchmark.engine.inspect_messages import completion_of, messages_of, output_of
from toolmark.benchmark.readers.case_selection import Split, limited, load_cases
from toolmark.benchmark.runs.run import Run
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.scoring.judged import Judged
from toolmark.benchmark.scoring.metrics import PRIMARY, Metric, primary_metrics

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.dataset import Sample
    from inspect_ai.log import EvalLog
    from inspect_ai.scorer import Scorer
    from inspect_ai.solver import Solver, TaskState

__all__ = ["BrokenJudge", "judge", "live_task", "log_grades", "recorded_grades"]

J = TypeVar("J", bound=Judged)
GradeOf = Callable[[str, int, Completion], J]


class BrokenJudge(ToolmarkError):
    """An answer could not be graded because of an error in Toolmark. The model is not the cause."""


def _samples(cases: Sequence[Case], dialect: Dialect) -> list[Sample]:
    from inspect_ai.dataset import Sample

    return [
        Sample(
            id=case.id,
            input=messages_of(dialect.render(case.messages, case.toolbox.tools)),
            target=case.expect.model_dump_json(exclude_defaults=True),
            metadata={
                "source": case.source.model_dump(),
                "toolbox": case.toolbox.name,
                "tools": _toolbox_key(case.toolbox),
                "tags": dict(case.tags),
            },
        )
        for case in cases
    ]


def _toolbox_key(toolbox: Toolbox) -> str:
    return digest([tool.schema_hash for tool in toolbox.tools])


def _toolboxes(cases: Sequence[Case]) -> dict[str, list[dict[str, Any]]]:
    """Return the tools of each toolbox, by the key of the toolbox. They are written into the metadata of the log.

    A sample contains only the key of its toolbox. Inspect copies the metadata of samples many times, so the metadata
    must be small.
    """
    toolboxes = {_toolbox_key(case.toolbox): case.toolbox for case in cases}
    return {key: [tool.shown() for tool in toolbox.tools] for key, toolbox in toolboxes.items()}


def _completion(state: TaskState) -> Completion:
    """Return the completion from the ledger. If there is none, return the completion that Inspect generated."""
    if "completion" in state.metadata:
        return Completion.from_json(state.metadata["completion"])
    return completion_of(state.output)


def _grade_of(cases: Sequence[Case], dialect: Dialect, executor: Executor) -> GradeOf[Grade]:
    by_id = {case.id: case for case in cases}

    def grade_of(case_id: str, epoch: int, completion: Completion) -> Grade:
        return grade(by_id[case_id], completion, dialect, executor, epoch)

    return grade_of


def _scorer(
    grade_of: GradeOf[J],
    metrics: Sequence[Metric],
    graded: MutableMapping[tuple[str, int], J],
    errors: MutableSequence[ToolmarkError],
) -> Scorer:
    """Return the Inspect scorer, which grades completions with the function `grade_of`.

    The scorer also stores each grade in `graded`, because reading the grades from the log would take as long as
    grading. If the user can correct an error, the scorer stores the error object in `errors`, because Inspect keeps
    only the text of an error.
    """
    from inspect_ai.scorer import Score, Target, mean, scorer, stderr

    @scorer(metrics={"*": [mean(), stderr()]}, name="toolmark")
    def toolmark() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001
            completion = _completion(state)
            try:
                judged = grade_of(str(state.sample_id), state.epoch, completion)
            except ToolmarkError as error:
                errors.append(error)
                raise
            graded[str(state.sample_id), state.epoch] = judged
            values = {metric.id: metric.of(judged) for metric in metrics}
            return Score(
                value={name: math.nan if value is None else value for name, value in values.items()},
                answer=completion.text,
                explanation=f"{judged.cause}: {judged.detail}" if judged.cause else "right",
                metadata=judged.as_json(),
            )

        return score

    return toolmark()


def _replay(run: Run) -> Solver:
    from inspect_ai.solver import Generate, solver

    @solver(name="replay")
    def replay() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001
            completion = run.completions[str(state.sample_id), state.epoch]
            state.metadata["completion"] = completion.as_json()
            state.output = output_of(completion, run.candidate.name)
            state.messages.append(state.output.message)
            return state

        return solve

    return replay()


def judge(run: Run, cases: Sequence[Case], executor: Executor) -> list[Grade]:
    """Grade the completions of a run, and write an `.eval` log into the folder of the run.

    Returns:
        The grades in the order of `cases`. For each case, the grades of its epochs follow each other.

    Raises:
        EnvironmentFault, BrokenJudge: As in `log_grades`.
    """
    missing = set(run.missing)
    judged = [case for case in cases if case.id not in missing]
    refs = {case.id: case.source.ref for case in judged}
    grade_of = _grade_of(judged, run.dialect, executor)
    toolboxes = {"toolboxes": _toolboxes(judged)}
    return log_grades(run, _samples(judged, run.dialect), refs, grade_of, PRIMARY, toolboxes)


def log_grades(
    run: Run,
    samples: Sequence[Sample],
    refs: Mapping[str, str],
    grade_of: GradeOf[J],
    metrics: Sequence[Metric],
    metadata: Mapping[str, Any],
) -> list[J]:
    """Grade the completions of a run with a function, and write an `.eval` log into the folder of the run.

    Args:
        run: The run.
        samples: The samples of Inspect that are judged. There is at least one.
        refs: For each sample, how errors name the sample. The key is the id. The keys are in the order of the grades.
        grade_of: Returns the grade of a completion. Its arguments are the id of the sample, the epoch, the completion.
        metrics: The metrics that are logged.
        metadata: Additional metadata of the log.

    Returns:
        The grades in the order of `refs`. For each sample, the grades of its epochs follow each other.

    Raises:
        EnvironmentFault: The log cannot be written, or the sandbox does not start. The completions are kept.
        BrokenJudge: An answer could not be graded.
    """
    from inspect_ai import Epochs, Task
    from inspect_ai import eval as inspect_eval
    from inspect_ai.dataset import MemoryDataset

    answers = [(case_id, epoch) for case_id in refs for epoch in range(1, run.epochs + 1)]
    graded: dict[tuple[str, int], J] = {}
    errors: list[ToolmarkError] = []
    task = Task(
        name="toolmark",
        dataset=MemoryDataset(list(samples)),
        solver=_replay(run),
        scorer=_scorer(grade_of, metrics, graded, errors),
        epochs=Epochs(run.epochs),
        metadata={
            "candidate": run.candidate.name,
            "identity": dict(run.identity),
            "environment": dict(run.environment),
            **metadata,
        },
    )
    # Inspect writes a trace into the user's home. If the disk is full, messages about the trace would hide the error.
    os.environ.setdefault("INSPECT_TRACE_LEVEL", "critical")
    try:
        with without_dotenv(), phase(lambda: f"{len(graded):,} of {len(answers):,} answers judged"):
            logs = inspect_eval(
                task,
                model="none/none",
                log_dir=str(run.folder),
                log_format="eval",
                display="none",
                max_samples=64,
                log_realtime=False,
                ctl_server=False,
                score_display=False,
                fail_on_error=True,
            )
    except OSError as error:
        raise _unwritten(run.folder, str(error)) from None
    if not logs or logs[0].status == "cancelled":
        raise KeyboardInterrupt  # Inspect catches the interruption and does not raise it again
    if errors:
        raise errors[0]
    log = logs[0]
    # If Inspect cannot write the log, the error of the log begins with the type of the error. If a sample failed, the
    # sample has an error too.
    if log.error and re.match(r"(OS|Permission|FileNotFound)Error\(", log.error.message):
        of_a_sample = any(sample.error for sample in log.samples or ())
        if not of_a_sample:
            raise _unwritten(run.folder, log.error.message)
    if log.status != "success" or any(answer not in graded for answer in answers):
        raise _broken(log, refs, answers, graded, run.folder)
    return [graded[answer] for answer in answers]


def _unwritten(folder: Path, reason: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"the .eval log in {folder} cannot be written: {reason}",
        "Free some disk space, and run the same command again. All completions are kept and will be reused.",
    )


def recorded_grades(folder: Path, grades: Sequence[Grade]) -> list[Grade]:
    """Return the recorded grades from the newest log of a run. Answers that are not in the log are left out.

    Args:
        folder: Folder of the run.
        grades: New grades of the same completions.

    Raises:
        InputError: The run has no complete log, or its log was written by another version or has none of the answers.
    """
    logs = (_readable(path) for path in sorted(folder.glob("*.eval"), reverse=True))
    log = next((log for log in logs if log is not None and log.status == "success"), None)
    if log is None:
        raise InputError(
            f"{folder} has no complete .eval log", "Leave --as-recorded out. The completions are then judged again."
        )
    logged = {(str(sample.id), sample.epoch): sample.scores for sample in log.samples or () if sample.scores}
    try:
        found = [
            grade.as_recorded(scores["toolmark"].metadata or {})
            for grade in grades
            if (scores := logged.get((grade.case_id, grade.epoch)))
        ]
    except (TypeError, KeyError):
        raise InputError(
            f"the newest log in {folder} was written by another version of Toolmark",
            "Leave --as-recorded out. The completions are then judged again.",
        ) from None
    if not found:
        raise InputError(
            f"the newest log in {folder} has none of the {len(grades)} answers",
            "Leave --as-recorded out. The completions are then judged again.",
        )
    return found


def _readable(path: Path) -> EvalLog | None:
    """Return a log. None if the log is incomplete, because the disk was full or the process was killed."""
    from inspect_ai.log import read_eval_log

    try:
        return read_eval_log(str(path))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _broken(
    log: EvalLog,
    refs: Mapping[str, str],
    answers: Sequence[tuple[str, int]],
    graded: Collection[tuple[str, int]],
    folder: Path,
) -> BrokenJudge:
    """Return the error for the first answer that could not be graded, with the id of its case and the reason."""
    errors = {(str(sample.id), sample.epoch): sample.error.message for sample in log.samples or () if sample.error}
    failed = next((answer for answer in answers if answer in errors or answer not in graded), answers[0])
    reason = errors.get(failed) or (log.error and log.error.message) or log.status
    return BrokenJudge(
        f"case {refs[failed[0]]} could not be graded: {reason}",
        f"This is an error in Toolmark. Please report it with the log in {folder}. The completions are kept.",
    )


def live_task(
    suite: str,
    cases: str,
    *,
    dialect: str = "tagged",
    split: Split = "test",
    limit: int | None = None,
    execute: Any = "pure",
) -> Task:
    """Return the task of one suite for `inspect eval`. Inspect sends the prompts, and Toolmark judges the answers.

    Args:
        suite: Prefix of the metrics that the task scores, such as `timing`.
        cases: The cases, in the form of the option `--cases`.
        dialect: Name of the dialect in which tools are shown and calls are read.
        split: `dev` or `test`.
        limit: Number of cases, drawn as with the option `--limit`. None for all cases.
        execute: Which tools are run, in the form of the option `--execute`.
    """
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset
    from inspect_ai.solver import generate

    chosen = limited(load_cases(cases, split)[0], limit)
    loaded: Dialect = load("toolmark.dialects", dialect)()
    if any(loaded.render(case.messages, case.toolbox.tools).tools for case in chosen):
        raise InputError(
            f"`inspect eval` cannot use the dialect {dialect}, because the server writes the tools into the prompt",
            f"Use pytest instead: pytest suites/ --model MODEL --dialect {dialect}",
        )
    metrics = [metric for metric in PRIMARY if metric.id in primary_metrics(suite)]
    return Task(
        name=suite,
        dataset=MemoryDataset(_samples(chosen, loaded)),
        solver=generate(),
        scorer=_scorer(_grade_of(chosen, loaded, Executor(execute)), metrics, {}, []),
        metadata={"toolboxes": _toolboxes(chosen)},
    )
