"""One request: candidates over cases, from specs to a comparison. Both doors use it; neither knows how it works."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from toolmark.benchmark.candidates.dialect_choice import family_dialect, trained_dialect
from toolmark.benchmark.candidates.spec import Candidate, resolve, with_adapter
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load, nearest
from toolmark.benchmark.data.cases import digest
from toolmark.benchmark.data.training import Training
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.evaluation.making import Making
from toolmark.benchmark.readers.case_selection import Split, limited, load_cases
from toolmark.benchmark.runs.generation import Run, RunOptions, generate, open_run
from toolmark.benchmark.runs.inspect_task import judge, recorded_grades
from toolmark.benchmark.runs.replay import read_replay
from toolmark.benchmark.runs.run_folders import check_writable
from toolmark.benchmark.scoring.chance import selection_by_chance
from toolmark.benchmark.scoring.execution import Execute, Executor
from toolmark.benchmark.scoring.grades import SCORER_VERSION, Grade, grade
from toolmark.benchmark.scoring.metrics import PRIMARY
from toolmark.benchmark.verdicts.comparison import BALANCED, Column, Comparison, compare
from toolmark.benchmark.verdicts.evidence import Evidence, Provenance, gather
from toolmark.benchmark.verdicts.fairness import mismatches, unproven_base
from toolmark.benchmark.verdicts.verdict import MARGIN

if TYPE_CHECKING:
    from toolmark.benchmark.data.cases import Case

__all__ = ["CHECKED", "Request", "Session", "shipped_cases"]

CHECKED = (*(metric.id for metric in PRIMARY), BALANCED)
"""Metrics that a suite checks, and that a floor may bind."""

_REQUESTS = RequestLimits()


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; field for option (see `--help`)."""

    models: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    baseline: str | None = None
    margin: float = 0.05
    as_recorded: bool = False
    strict_identity: bool = False
    cases: str = ""
    tools: str | None = None
    split: Split = "test"
    dialect: str | None = None
    limit: int | None = None
    epochs: int = 1
    temperature: float = 0.0
    seed: int = 0
    threads: int | None = None
    connections: int = _REQUESTS.connections
    request_timeout: float = _REQUESTS.timeout
    request_retries: int = _REQUESTS.retries
    stop_at_call: bool = False
    floors: tuple[tuple[str, float], ...] = ()
    execute: Execute = "pure"
    fresh: bool = False
    skip_too_long: bool = False
    skip_bad: bool = False
    runs: Path = field(default=Path("runs"))


def _check(request: Request) -> None:
    if request.adapters and len(request.models) != 1:
        raise InputError(
            f"--adapter needs one --model to sit on, and {len(request.models)} are given",
            "Name the base once: --model BASE --adapter A --adapter B",
        )
    if not 0 < request.margin < 1:
        raise InputError(f"--margin {request.margin:g} is no share", "Give points as a share: --margin 0.05")
    if request.as_recorded and request.baseline is None:
        raise InputError("--as-recorded needs the recorded side", "Name it: --baseline runs/NAME")
    if request.epochs < 1:
        raise InputError(f"--epochs {request.epochs} asks nothing", "Give a number from 1.")
    if request.epochs > 1 and request.temperature == 0:
        raise InputError(
            f"--epochs {request.epochs} would repeat the same greedy answer", "Add a temperature: --temperature 0.7"
        )
    if request.temperature < 0:
        raise InputError(f"--temperature {request.temperature:g} is negative", "Give 0 (greedy) or more.")
    if request.threads is not None and request.threads < 1:
        raise InputError(f"--threads {request.threads} leaves no thread", "Give a number from 1.")
    if request.connections < 1:
        raise InputError(f"--connections {request.connections} asks nobody", "Give a number from 1.")
    if not 0 < request.request_timeout < float("inf"):
        raise InputError(
            f"--request-timeout {request.request_timeout:g} lets nobody answer", "Give seconds: --request-timeout 600"
        )
    if request.request_retries < 0:
        raise InputError(
            f"--request-retries {request.request_retries} is negative", "Give 0 (each request once) or more."
        )
    for metric, _ in request.floors:
        if metric not in CHECKED:
            raise InputError(f"--floor {metric}: no such metric carries a floor", nearest(metric, CHECKED))


def _check_ending(request: Request, candidates: Sequence[Candidate]) -> None:
    served = [candidate.name for candidate in candidates if candidate.kind == "inspect"]
    if request.stop_at_call and served:
        raise InputError(
            f"--stop-at-call: {served[0]} is served, and only what is generated here can be ended at its call",
            "Leave --stop-at-call out.",
        )


class Session:
    """A request on its way to a comparison.

    Building one reads cases and specs and checks every option, without torch, without the network and without writing
    anything. Then `open`, `generate` and `judge`, in this order.

    Args:
        request: What is asked for.
        partial: Any recording may lack cases; otherwise a baseline's alone may.

    Raises:
        InputError: An option, a spec or a case file is wrong.
        NothingToDo: No case is selected.
    """

    def __init__(self, request: Request, *, partial: bool = False) -> None:
        _check(request)
        self.request = request
        self._partial = partial
        self.candidates, self.baselines = _candidates(request)
        _check_ending(request, self.candidates)
        self.dialects = [self._dialect(candidate) for candidate in self.candidates]
        loaded, self.skipped = load_cases(request.cases, request.split, request.tools, request.skip_bad)
        self.cases = limited(loaded, request.limit, request.seed)
        self._loaded = loaded
        self.runs: list[Run] = []
        self.grades: list[list[Grade]] = []
        self._options = RunOptions(
            runs=request.runs,
            decoding=Decoding(temperature=request.temperature, seed=request.seed, stop_at_call=request.stop_at_call),
            epochs=request.epochs,
            fresh=request.fresh,
            skip_too_long=request.skip_too_long,
        )
        self._engines = Engines(
            self._options.decoding,
            request.threads,
            RequestLimits(request.connections, request.request_timeout, request.request_retries),
        )

    @property
    def available(self) -> int:
        """How many cases there are, of which `cases` may be a sample."""
        return len(self._loaded)

    @property
    def names(self) -> list[str]:
        """A name for each candidate, told apart by a number where two are called alike."""
        counts = Counter(candidate.name for candidate in self.candidates)
        seen: Counter[str] = Counter()
        names = []
        for candidate in self.candidates:
            seen[candidate.name] += 1
            number = f"#{seen[candidate.name]}" if counts[candidate.name] > 1 else ""
            names.append(candidate.name + number)
        return names

    def _dialect(self, candidate: Candidate) -> tuple[Dialect, str]:
        """The dialect of a candidate, and why that one."""
        name, why = self.request.dialect, "as asked"
        if candidate.kind == "replay":
            recorded = read_replay(Path(candidate.base)).dialect
            if recorded is None and name is None:
                raise InputError(
                    f"{candidate.base} does not say in which dialect it was recorded", "Choose it: --dialect NAME"
                )
            if recorded is not None:
                if name not in (None, recorded):
                    raise InputError(f"{candidate.base} was recorded in the dialect {recorded}", "Leave --dialect out.")
                name, why = recorded, "as recorded"
        if name is None:
            name, why = self._own_dialect(candidate)
        return load("toolmark.dialects", str(name))(), why

    def _own_dialect(self, candidate: Candidate) -> tuple[str, str]:
        """What nobody asked for: the adapters' dialect, for their base too, else the candidate's or its family's."""
        spoken = {trained_dialect(other) for other in self.candidates if other.adapter} - {None}
        if len(spoken) > 1:
            raise InputError(
                f"the adapters were trained in different dialects: {', '.join(sorted(map(str, spoken)))}",
                "Judge them one at a time, or choose one with --dialect.",
            )
        if spoken:
            return str(next(iter(spoken))), "the adapter's own"
        if own := trained_dialect(candidate):
            return own, "its own"
        if found := family_dialect(candidate):
            dialect, family = found
            return dialect, f"of the family {family}"
        return "tagged", "default"

    def open(
        self,
        *,
        writable: bool = True,
        say: Callable[[str], None] = lambda _: None,
        answer: Callable[[str, Run, bool], None] = lambda *_: None,
    ) -> None:
        """Make what recipes stand for, identify every candidate and its run's directory.

        Args:
            writable: Whether the runs directory must be; not where only recordings are read.
            say: Told the commands that make a recipe.
            answer: Called for each name and run in their order, as soon as the candidate is there, so that one answers
                while the recipe of the next is made; and whether one is being made.

        Raises:
            InputError, EnvironmentFault: As `open_run` and `Making`; also where the runs directory cannot be written.
        """
        if writable:
            check_writable(self.request.runs)
        with Making(self.candidates, say) as making:
            if self.request.strict_identity:
                wait(making.coming)
            known = {number: self._opened(number, one) for number, one in enumerate(making.coming) if one.done()}
            if self.request.strict_identity:
                self._refuse_mismatches(known)
            self.runs = []
            for number, (name, coming) in enumerate(zip(self.names, making.coming, strict=True)):
                self.runs.append(known.get(number) or self._opened(number, coming))
                answer(name, self.runs[-1], not all(one.done() for one in making.coming))

    def _opened(self, number: int, coming: Future[Candidate]) -> Run:
        """The run of a candidate, for which this waits."""
        self.candidates[number] = coming.result()
        return open_run(self.candidates[number], self.dialects[number][0], self._options)

    def _refuse_mismatches(self, runs: Mapping[int, Run]) -> None:
        for number, (name, baseline) in enumerate(zip(self.names, self.baselines, strict=True)):
            other = runs[number if baseline is None else baseline]
            found = mismatches((other.identity, {}), (runs[number].identity, {}))
            if found:
                first = found[0]
                raise InputError(
                    f"{name} and its baseline differ in {first.field}: {first.candidate} against {first.baseline}",
                    "Run both sides the same way, or leave --strict-identity out to have it marked only.",
                )

    def generate(self, run: Run, progress: Callable[[int, int], None]) -> None:
        """Fill one run with completions; the recording of a baseline may lack cases."""
        partial = self._partial or (self.request.baseline is not None and run is self.runs[0])
        generate(run, self.cases, self._options, self._engines, progress, partial=partial, available=self._loaded)

    def judge(self, *, logs: bool = True, evidence: bool = False) -> Comparison:
        """Grade all runs and compute every figure.

        Args:
            logs: Write an Inspect log of each run.
            evidence: Gather what a report shows beside the figures.

        Raises:
            BrokenJudge: The harness itself failed on a sample.
        """
        too_long = {case_id for run in self.runs if run.candidate.kind != "replay" for case_id in run.missing}
        cases = [case for case in self.cases if case.id not in too_long]
        with Executor(self.request.execute) as executor:
            self.grades = [self._judged(run, cases, executor, logs) for run in self.runs]
            gathered = self._evidence(cases, executor) if evidence else None
        columns = [
            Column(
                name=name,
                run=run.folder.name,
                identity=run.identity,
                environment=run.environment,
                cases=len({grade.case_id for grade in grades}),
                waived=len({grade.case_id for grade in grades if grade.waived is not None}),
                causes=Counter(grade.cause for grade in grades if grade.cause is not None and grade.waived is None),
                baseline=baseline,
                training=Training.of(run.training),
                unproven=unproven_base(run.identity, Training.of(run.training)),
            )
            for name, run, grades, baseline in zip(self.names, self.runs, self.grades, self.baselines, strict=True)
        ]
        found = compare(columns, self.grades, [run.completions for run in self.runs], self.request.margin)
        return replace(found, evidence=gathered)

    def _evidence(self, cases: Sequence[Case], executor: Executor) -> Evidence:
        training = [Training.of(run.training) for run in self.runs]
        return gather(
            cases,
            self.grades,
            [run.completions for run in self.runs],
            [run.dialect for run in self.runs],
            self.baselines,
            [known.tools if known else None for known in training],
            executor.value,
            self._provenance(cases),
        )

    def _provenance(self, cases: Sequence[Case]) -> Provenance:
        request = self.request
        runs = [run.candidate.base if run.candidate.kind == "replay" else str(run.folder) for run in self.runs]
        held = [] if all(baseline is None for baseline in self.baselines) else ["--baseline", runs.pop(0)]
        options = [] if request.cases == shipped_cases() else ["--cases", request.cases]
        options += [] if request.tools is None else ["--tools", request.tools]
        options += [] if request.split == "test" else ["--split", request.split]
        options += [] if request.margin == MARGIN else ["--margin", f"{request.margin:g}"]
        return Provenance(
            made=_now(),
            version=version("toolmark"),
            scorer=SCORER_VERSION,
            cases="shipped with Toolmark" if request.cases == shipped_cases() else request.cases,
            split=request.split,
            case_set=digest(sorted((case.id, case.gold_hash) for case in cases)),
            command=shlex.join(["toolmark", "report", *runs, *held, *options, "--out", "report.html"]),
        )

    def floors(self, column: int) -> dict[str, float]:
        """Floors that bind a column: those asked for, and for one with a baseline what mere chance would give."""
        floors = dict(self.request.floors)
        if self.baselines[column] is None:
            return floors
        return {BALANCED: 0.5, "selection.tool": selection_by_chance(self.cases)} | floors

    def _judged(self, run: Run, cases: Sequence[Case], executor: Executor, logs: bool) -> list[Grade]:
        if self.request.as_recorded and run is self.runs[0]:
            return recorded_grades(Path(run.candidate.base).parent, cases)
        if logs:
            return judge(run, cases, executor, self.request.epochs)
        wanted = ((case, run.completions.get((case.id, epoch)), epoch) for case in cases for epoch in self._epochs)
        return [grade(case, said, run.dialect, executor, epoch) for case, said, epoch in wanted if said is not None]

    @property
    def _epochs(self) -> range:
        return range(1, self.request.epochs + 1)


def shipped_cases() -> str:
    """Where the shipped cases lie."""
    return str(files("toolmark.suites") / "cases")


def _now() -> str:
    """The time of day, or that of SOURCE_DATE_EPOCH, by which a report can be made again to the same bytes."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.fromtimestamp(int(given), UTC) if given.isdecimal() else datetime.now(UTC)
    return moment.isoformat(timespec="seconds")


def _candidates(request: Request) -> tuple[list[Candidate], list[int | None]]:
    """All columns in the order shown, and for each the column that it is held against.

    A named baseline comes first. The base of adapters is their baseline where none is named, and beside it otherwise.
    """
    models = [resolve(spec) for spec in request.models]
    adapters = [with_adapter(models[0], adapter) for adapter in request.adapters]
    if request.baseline is not None:
        judged = [*models, *adapters]
        return [resolve(request.baseline), *judged], [None, *(0 for _ in judged)]
    return [*models, *adapters], [*(None for _ in models), *(0 for _ in adapters)]
