"""Phase two of a run. One Inspect eval replays the completions, grades them, and writes the `.eval` log.

The command `inspect eval suites/test_timing.py --model …` uses the same scorer. With this command, Inspect sends the
prompts to the model.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from toolmark.benchmark.core.errors import EnvironmentFault, InputError, ToolmarkError
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Case, Toolbox
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.inspect_messages import completion_of, messages_of, output_of
from toolmark.benchmark.readers.case_selection import Split, limited, load_cases
from toolmark.benchmark.runs.generation import Run
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.scoring.metrics import PRIMARY, primary_metrics

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.dataset import Sample
    from inspect_ai.log import EvalLog
    from inspect_ai.scorer import Scorer
    from inspect_ai.solver import Solver, TaskState

__all__ = ["BrokenJudge", "judge", "live_task", "recorded_grades"]


class BrokenJudge(ToolmarkError):
    """The judge failed on a sample. This is a defect of Toolmark, and the model is not at fault."""


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
    """The tools of all toolboxes, by the key of the toolbox, for the metadata of the log.

    A sample contains only the key of its toolbox, because Inspect copies and reads the metadata of samples many times.
    """
    toolboxes = {_toolbox_key(case.toolbox): case.toolbox for case in cases}
    return {key: [tool.shown() for tool in toolbox.tools] for key, toolbox in toolboxes.items()}


def _completion(state: TaskState) -> Completion:
    """The replayed completion, or the completion that Inspect generated."""
    if "completion" in state.metadata:
        return Completion.from_json(state.metadata["completion"])
    return completion_of(state.output)


def _scorer(
    cases: Sequence[Case],
    dialect: Dialect,
    executor: Executor,
    metrics: Sequence[str],
    graded: MutableMapping[tuple[str, int], Grade],
    errors: MutableSequence[ToolmarkError],
) -> Scorer:
    """The scorer.

    The scorer also puts the grades into `graded`, because reading the grades from the log takes as long as grading. If
    a user can correct an error, the scorer puts the error into `errors`, because Inspect keeps only the error's text.
    """
    from inspect_ai.scorer import Score, Target, mean, scorer, stderr

    by_id = {case.id: case for case in cases}
    chosen = [metric for metric in PRIMARY if metric.id in metrics]

    @scorer(metrics={"*": [mean(), stderr()]}, name="toolmark")
    def toolmark() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001
            completion = _completion(state)
            try:
                judged = grade(by_id[str(state.sample_id)], completion, dialect, executor, state.epoch)
            except ToolmarkError as error:
                errors.append(error)
                raise
            graded[str(state.sample_id), state.epoch] = judged
            values = {metric.id: metric.of(judged) for metric in chosen}
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


def judge(run: Run, cases: Sequence[Case], executor: Executor, epochs: int = 1) -> list[Grade]:
    """Grade a generated run and write an `.eval` log into the folder of its ledger.

    Returns:
        The grades in the order of `cases`. The grades of all epochs of a case are together.

    Raises:
        EnvironmentFault: The log cannot be written, or the sandbox does not start. The completions are kept.
        BrokenJudge: A sample could not be graded.
    """
    from inspect_ai import Epochs, Task
    from inspect_ai import eval as inspect_eval
    from inspect_ai.dataset import MemoryDataset

    missing = set(run.missing)
    judged = [case for case in cases if case.id not in missing]
    answers = [(case.id, epoch) for case in judged for epoch in range(1, epochs + 1)]
    graded: dict[tuple[str, int], Grade] = {}
    errors: list[ToolmarkError] = []
    task = Task(
        name="toolmark",
        dataset=MemoryDataset(_samples(judged, run.dialect)),
        solver=_replay(run),
        scorer=_scorer(judged, run.dialect, executor, [metric.id for metric in PRIMARY], graded, errors),
        epochs=Epochs(epochs),
        metadata={
            "candidate": run.candidate.name,
            "identity": dict(run.identity),
            "environment": dict(run.environment),
            "toolboxes": _toolboxes(judged),
        },
    )
    # Inspect writes a trace into the user's home. On a full disk, messages about the trace would hide the log's error.
    os.environ.setdefault("INSPECT_TRACE_LEVEL", "critical")
    try:
        with phase(lambda: f"{len(graded):,} of {len(answers):,} answers judged"):
            log = inspect_eval(
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
            )[0]
    except OSError as error:
        raise _unwritten(run.folder, str(error)) from None
    if errors:
        raise errors[0]
    # If Inspect cannot write the log, the log has an error with the name of the type. An error of a sample is stored in
    # the sample.
    if log.error and re.match(r"(OS|Permission|FileNotFound)Error\(", log.error.message):
        of_a_sample = any(sample.error for sample in log.samples or ())
        if not of_a_sample:
            raise _unwritten(run.folder, log.error.message)
    if log.status != "success" or any(answer not in graded for answer in answers):
        raise _broken(log, judged, answers, graded, run.folder)
    return [graded[answer] for answer in answers]


def _unwritten(folder: Path, reason: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"the .eval log in {folder} cannot be written: {reason}",
        "Free some disk space and run the same command again. All completions are kept there and reused.",
    )


def recorded_grades(folder: Path, grades: Sequence[Grade]) -> list[Grade]:
    """The recorded grades in the newest log of a run. Cases that are not in the log are left out.

    Args:
        folder: Folder of the run.
        grades: Today's grades of the same completions.

    Raises:
        InputError: The run has no complete log, or its log was written by another version.
    """
    logs = (_readable(path) for path in sorted(folder.glob("*.eval"), reverse=True))
    log = next((log for log in logs if log is not None and log.status == "success"), None)
    if log is None:
        raise InputError(f"{folder} has no complete .eval log", "Leave out --as-recorded to judge the ledger again.")
    logged = {(str(sample.id), sample.epoch): sample.scores for sample in log.samples or () if sample.scores}
    try:
        return [
            grade.as_recorded(scores["toolmark"].metadata or {})
            for grade in grades
            if (scores := logged.get((grade.case_id, grade.epoch)))
        ]
    except (TypeError, KeyError):
        raise InputError(
            f"the newest log in {folder} was written by another version of Toolmark",
            "Leave out --as-recorded to judge the ledger again.",
        ) from None


def _readable(path: Path) -> EvalLog | None:
    """A log, or None if the log is incomplete because the disk was full or the process was killed."""
    from inspect_ai.log import read_eval_log

    try:
        return read_eval_log(str(path))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _broken(
    log: EvalLog,
    cases: Sequence[Case],
    answers: Sequence[tuple[str, int]],
    graded: Mapping[tuple[str, int], Grade],
    folder: Path,
) -> BrokenJudge:
    """The error that names the case that could not be graded, and why."""
    errors = {(str(sample.id), sample.epoch): sample.error.message for sample in log.samples or () if sample.error}
    failed = next((answer for answer in answers if answer in errors or answer not in graded), answers[0])
    reason = errors.get(failed) or (log.error and log.error.message) or log.status
    refs = {case.id: case.source.ref for case in cases}
    return BrokenJudge(
        f"case {refs[failed[0]]} could not be graded: {reason}",
        f"The completions are kept in {folder}. Please report this error with the log in that folder.",
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
    """The task of one suite for `inspect eval`. Inspect asks the model, and Toolmark's scorer judges the answers.

    Args:
        suite: Prefix of the metrics that the task scores.
        cases: A case source in the form of the option `--cases`.
        dialect: The dialect, which defines how a model sees the tools and how its calls are read.
        split: `dev` or `test`.
        limit: Size of the stratified sample, or None for all.
        execute: The strongest effects that a tool may have. Tools with stronger effects are not run.
    """
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset
    from inspect_ai.solver import generate

    chosen = limited(load_cases(cases, split)[0], limit)
    loaded: Dialect = load("toolmark.dialects", dialect)()
    if any(loaded.render(case.messages, case.toolbox.tools).tools for case in chosen):
        raise InputError(
            f"`inspect eval` cannot be used with the dialect {dialect}, in which the server shows the tools",
            f"Run: pytest suites/ --model MODEL --dialect {dialect}",
        )
    return Task(
        name=suite,
        dataset=MemoryDataset(_samples(chosen, loaded)),
        solver=generate(),
        scorer=_scorer(chosen, loaded, Executor(execute), primary_metrics(suite), {}, []),
        metadata={"toolboxes": _toolboxes(chosen)},
    )
