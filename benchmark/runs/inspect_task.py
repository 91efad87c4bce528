"""Phase two: one Inspect eval replays a run's completions, grades them and writes the `.eval` log.

The same scorer serves `inspect eval suites/test_timing.py --model …`, where Inspect itself asks the model.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from toolmark.benchmark.core.errors import EnvironmentFault, InputError, ToolmarkError
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Case, Toolbox, digest
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.inspect_messages import completion_of, messages_of, output_of
from toolmark.benchmark.readers.case_selection import Split, limited, load_cases
from toolmark.benchmark.runs.generation import Run
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.scoring.metrics import PRIMARY

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.dataset import Sample
    from inspect_ai.log import EvalLog
    from inspect_ai.scorer import Scorer
    from inspect_ai.solver import Solver, TaskState

__all__ = ["BrokenJudge", "judge", "live_task", "recorded_grades"]


class BrokenJudge(ToolmarkError):
    """The judge itself failed on a sample: a defect here, never the model's fault."""


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
    """Tools by the key that samples name, once a log: Inspect copies and walks a sample's metadata many times."""
    boxes = {_toolbox_key(case.toolbox): case.toolbox for case in cases}
    return {key: [tool.shown() for tool in box.tools] for key, box in boxes.items()}


def _completion(state: TaskState) -> Completion:
    """The replayed completion, or what Inspect's own generation gave."""
    if "completion" in state.metadata:
        return Completion.from_json(state.metadata["completion"])
    return completion_of(state.output)


def _scorer(
    cases: Sequence[Case],
    dialect: Dialect,
    executor: Executor,
    metrics: Sequence[str],
    graded: MutableMapping[tuple[str, int], Grade],
) -> Scorer:
    """Puts every grade into `graded` too: reading them back from the log takes as long as grading."""
    from inspect_ai.scorer import Score, Target, mean, scorer, stderr

    by_id = {case.id: case for case in cases}
    chosen = [metric for metric in PRIMARY if metric.id in metrics]

    @scorer(metrics={"*": [mean(), stderr()]}, name="toolmark")
    def toolmark() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001
            completion = _completion(state)
            judged = grade(by_id[str(state.sample_id)], completion, dialect, executor, state.epoch)
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
    """Grade a generated run and write `.eval` beside its ledger; grades come in the order of `cases`, epochs together.

    Raises:
        EnvironmentFault: The log cannot be written; the completions stay.
        BrokenJudge: A sample could not be graded.
    """
    from inspect_ai import Epochs, Task
    from inspect_ai import eval as inspect_eval
    from inspect_ai.dataset import MemoryDataset

    missing = set(run.missing)
    judged = [case for case in cases if case.id not in missing]
    graded: dict[tuple[str, int], Grade] = {}
    task = Task(
        name="toolmark",
        dataset=MemoryDataset(_samples(judged, run.dialect)),
        solver=_replay(run),
        scorer=_scorer(judged, run.dialect, executor, [metric.id for metric in PRIMARY], graded),
        epochs=Epochs(epochs),
        metadata={
            "candidate": run.candidate.name,
            "identity": dict(run.identity),
            "environment": dict(run.environment),
            "toolboxes": _toolboxes(judged),
        },
    )
    # Inspect's trace, in the user's home, may lie on the same full disk: its complaints would bury the one that counts.
    os.environ.setdefault("INSPECT_TRACE_LEVEL", "critical")
    try:
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
    # Inspect reports what befell its own writer as the log's error, by its name; a sample's fault stands at the sample.
    if log.error and re.match(r"(OS|Permission|FileNotFound)Error\(", log.error.message):
        of_a_sample = any(sample.error for sample in log.samples or ())
        if not of_a_sample:
            raise _unwritten(run.folder, log.error.message)
    places = [(case.id, epoch) for case in judged for epoch in range(1, epochs + 1)]
    if log.status != "success" or any(place not in graded for place in places):
        raise _broken(log, judged, places, graded, run.folder)
    return [graded[place] for place in places]


def _unwritten(folder: Path, reason: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"the .eval log in {folder} cannot be written: {reason}",
        "Make room and give the same command again: all completions are kept there and are not asked again.",
    )


def recorded_grades(folder: Path, cases: Sequence[Case]) -> list[Grade]:
    """Grades as a former judge gave them, from the newest log of a run; cases that it lacks are left out.

    Raises:
        InputError: The run holds no log, or one from another judge's format.
    """
    logs = (_readable(path) for path in sorted(folder.glob("*.eval"), reverse=True))
    log = next((log for log in logs if log is not None and log.status == "success"), None)
    if log is None:
        raise InputError(f"{folder} holds no whole .eval log", "Leave --as-recorded out: the ledger is judged again.")
    wanted = {case.id for case in cases}
    try:
        return [
            _grade(sample.scores["toolmark"].metadata)
            for sample in log.samples or ()
            if str(sample.id) in wanted and sample.scores
        ]
    except (TypeError, KeyError):
        raise InputError(
            f"the newest log in {folder} was written by another version's judge",
            "Leave --as-recorded out: the ledger is judged again.",
        ) from None


def _readable(path: Path) -> EvalLog | None:
    """A log, or None where a full disk or a kill left half of one."""
    from inspect_ai.log import read_eval_log

    try:
        return read_eval_log(str(path))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _grade(metadata: Mapping[str, Any] | None) -> Grade:
    fields = dict(metadata or {})
    return Grade(**{**fields, "called": tuple(fields["called"])})


def _broken(
    log: EvalLog,
    cases: Sequence[Case],
    places: Sequence[tuple[str, int]],
    graded: Mapping[tuple[str, int], Grade],
    folder: Path,
) -> BrokenJudge:
    """Which case could not be graded, and why."""
    errors = {(str(sample.id), sample.epoch): sample.error.message for sample in log.samples or () if sample.error}
    place = next((place for place in places if place in errors or place not in graded), places[0])
    reason = errors.get(place) or (log.error and log.error.message) or log.status
    refs = {case.id: case.source.ref for case in cases}
    return BrokenJudge(
        f"case {refs[place[0]]} could not be graded: {reason}",
        f"Completions are kept in {folder}; please report this with the log beside them.",
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
    """The task of one suite for `inspect eval`: Inspect asks the model, our scorer judges.

    Args:
        suite: Prefix of the metrics that it scores.
        cases: A case source, as `--cases` takes it.
        dialect: How tools are shown and calls are read.
        split: `dev` or `test`.
        limit: Size of the stratified sample, or None for all.
        execute: Effects up to which tools may run.
    """
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset
    from inspect_ai.solver import generate

    chosen = limited(load_cases(cases, split)[0], limit)
    spoken: Dialect = load("toolmark.dialects", dialect)()
    if any(spoken.render(case.messages, case.toolbox.tools).tools for case in chosen):
        raise InputError(
            f"`inspect eval` does not offer the tools that the dialect {dialect} leaves to the server",
            f"Let Toolmark ask: pytest suites/ --model MODEL --dialect {dialect}",
        )
    metrics = [metric.id for metric in PRIMARY if metric.id.startswith(f"{suite}.")]
    return Task(
        name=suite,
        dataset=MemoryDataset(_samples(chosen, spoken)),
        solver=generate(),
        scorer=_scorer(chosen, spoken, Executor(execute), metrics, {}),
        metadata={"toolboxes": _toolboxes(chosen)},
    )
