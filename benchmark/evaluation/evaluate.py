"""Runs an evaluation: every candidate answers every case, the answers are judged, and the candidates are compared."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from toolmark.benchmark.candidates.recipes import is_recipe
from toolmark.benchmark.candidates.spec import Candidate, resolve
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.engine.local_identity import Describe, describe
from toolmark.benchmark.evaluation.case_set import CaseSet, unused_lines
from toolmark.benchmark.evaluation.contestant import Contestant, contestants
from toolmark.benchmark.evaluation.observer import Observer
from toolmark.benchmark.evaluation.recipe_making import RecipeMaking
from toolmark.benchmark.evaluation.request import Request, check, check_candidates
from toolmark.benchmark.evaluation.request_types import check_types
from toolmark.benchmark.evaluation.scenario_cases import ScenarioCases
from toolmark.benchmark.evaluation.scenario_sources import scenario_source
from toolmark.benchmark.evaluation.single_turn_cases import SingleTurnCases
from toolmark.benchmark.evaluation.spread_generation import SpreadGeneration, worker_pool
from toolmark.benchmark.runs.remote_runs import send_run
from toolmark.benchmark.runs.run import Run, open_run
from toolmark.benchmark.runs.run_folders import check_writable
from toolmark.benchmark.tools.sandbox import missing_limits
from toolmark.benchmark.verdicts.comparison import Comparison, compare_sides
from toolmark.benchmark.verdicts.fairness import mismatches
from toolmark.benchmark.verdicts.verdict import MARGIN

__all__ = ["Evaluation", "case_set_of", "compare", "compare_recorded", "evaluate"]


def case_set_of(request: Request) -> CaseSet:
    """Read the cases of a request, or its scenarios.

    Raises:
        InputError: A case file or an option is invalid.
        NothingToDo: No case is selected.
    """
    scenarios = scenario_source(request)
    return SingleTurnCases(request) if scenarios is None else ScenarioCases(request, scenarios)


class Evaluation:
    """The evaluation of one request.

    The constructor reads cases and specs, and checks every option. It imports no torch, uses no network, and writes
    nothing. `run` generates, judges and compares.

    Args:
        request: The request.
        recorded: Whether every candidate is a recording. If so, nothing is written, and a recording is allowed to be
            incomplete.

    Attributes:
        request: The request.
        contestants: The contestants, in the order in which they are shown.
        case_set: The cases, and how they are answered and judged.

    Raises:
        InputError: An option, a spec or a case file is invalid.
        NothingToDo: No case is selected.
    """

    def __init__(self, request: Request, *, recorded: bool = False) -> None:
        check_types(request)
        check(request)
        self.request = request
        self._recorded = recorded
        candidates = request.candidates()
        check_candidates(request, [candidate for candidate, _ in candidates])
        self.contestants = contestants(request, candidates)
        self.case_set = case_set_of(request)
        for metric, _ in request.floors:
            if metric not in self.case_set.checked:
                raise InputError(
                    f"--floor: the metric {metric} does not exist for {self.case_set.noun}",
                    f"Use one of these metrics: {', '.join(self.case_set.checked)}",
                )

    @property
    def cases(self) -> Sequence[Case] | Sequence[Scenario]:
        """Return the cases that will be judged."""
        return self.case_set.cases

    @property
    def has_recipes(self) -> bool:
        """Return whether an adapter is a recipe. If so, its training can print to the terminal."""
        adapters = [contestant.candidate.adapter for contestant in self.contestants]
        return any(adapter is not None and is_recipe(Path(adapter)) for adapter in adapters)

    def run(self, observer: Observer | None = None, *, logs: bool = True, report: bool = False) -> Comparison:
        """Generate the missing answers, judge all answers, and compare the contestants.

        Args:
            observer: Receives the progress.
            logs: Whether to write an Inspect log of each run that is not a recording.
            report: Whether to gather the additional data of a report.

        Raises:
            InputError: A recipe, a spec or a recording is invalid. Or `strict_identity` is set, and two sides answered
                under different conditions.
            EnvironmentFault: Weights, network, disk or a lock is not available.
            BrokenJudge: Grading an answer failed because of an error in Toolmark.
        """
        if not self._recorded:
            check_writable(self.request.runs)
        observer = observer or Observer()
        limits = (f"tools: {line}" for line in missing_limits())
        for line in (*unused_lines(self.case_set), *self.case_set.notes(), *limits):
            observer.say(line)
        self._generate(observer)
        self.case_set.judge(self.contestants, logs=logs and not self._recorded)
        sides = [contestant.side() for contestant in self.contestants]
        data = None
        if report:
            with phase("gathering the data of the report"):
                data = self.case_set.report(self.contestants)
        with phase("computing intervals and verdicts"):
            return compare_sides(sides, self.request.margin, data)

    def send(self) -> None:
        """Send the runs to their store, if `request.runs` is the working copy of an address.

        Raises:
            EnvironmentFault: The store cannot be reached. The runs stay in the working copy.
        """
        for contestant in self.contestants:
            send_run(contestant.run.folder)

    def _generate(self, observer: Observer) -> None:
        """Open and generate every run, in the order of the contestants. Meanwhile, adapters of recipes are made."""
        candidates = [contestant.candidate for contestant in self.contestants]
        request = self.request
        decoding = request.run_options.decoding
        open_engines = partial(Engines, decoding, request.threads, request.served_requests, request.engine_options)
        with (
            open_engines() as engines,
            RecipeMaking(candidates, observer.say, self.request.device) as making,
            worker_pool(request, open_engines) or nullcontext() as pool,
        ):
            if self.request.strict_identity or self.request.engine != "transformers":
                # vLLM needs the ranks of all adapters at its start, and it takes the memory that a training needs.
                wait(making.ready)
            futures = dict(zip(self.contestants, making.ready, strict=True))
            if pool is not None and request.engine != "transformers":
                pool.expect([future.result() for future in futures.values()])
            where = pool.describe if pool is not None and self.request.ray is not None else describe
            opened = {one: self._open(one, future, where) for one, future in futures.items() if future.done()}
            if self.request.strict_identity:
                self._refuse_mismatches(opened)
            engines.expect([run.weights for run in opened.values() if run.weights is not None])
            spread = {} if pool is None else {one: futures[one] for one in futures if one.candidate.has_weights}
            for contestant in (one for one in futures if one not in spread):
                contestant.run = opened.get(contestant) or self._open(contestant, futures[contestant], where)
                began = time.monotonic()
                with phase("starting", name=contestant.name):
                    forecast = partial(observer.forecast, contestant)
                    self.case_set.generate(contestant, engines, forecast, partial=self._may_lack_cases(contestant))
                observer.generated(contestant, time.monotonic() - began)
            if pool is not None and isinstance(self.case_set, SingleTurnCases):
                with SpreadGeneration(pool, self.case_set, observer) as generation:
                    generation.run(spread, lambda one, future: opened.get(one) or self._open(one, future, where))

    def _may_lack_cases(self, contestant: Contestant) -> bool:
        """Return whether the recording of `contestant` is allowed to be incomplete.

        This is allowed for a recorded baseline, because two sides are compared only on the cases that both answered.
        """
        return self._recorded or (self.request.baseline is not None and contestant is self.contestants[0])

    def _open(self, contestant: Contestant, future: Future[Candidate], describe: Describe) -> Run:
        contestant.candidate = future.result()
        with phase("reading the files of the model", name=contestant.name):
            options, args = self.request.run_options, contestant.template_args.args
            return open_run(contestant.candidate, contestant.dialect, options, args, describe)

    def _refuse_mismatches(self, runs: Mapping[Contestant, Run]) -> None:
        for contestant, run in runs.items():
            base = runs[contestant.baseline or contestant]
            if differing := mismatches((base.identity, {}), (run.identity, {})):
                first = differing[0]
                raise InputError(
                    f"{contestant.name} and its baseline differ in {first.field}: {first.candidate} and "
                    f"{first.baseline}",
                    "Run both sides with the same settings. Without --strict-identity, the difference is only shown.",
                )


def evaluate(
    request: Request, observer: Observer | None = None, *, logs: bool = True, report: bool = False
) -> Comparison:
    """Let every candidate of a request answer its cases, judge the answers, and compare the candidates.

    Args:
        request: The request.
        observer: Receives the progress.
        logs: Whether to write an Inspect log of each run.
        report: Whether to gather the additional data of a report.

    Raises:
        ToolmarkError: As in `Evaluation` and `Evaluation.run`.
    """
    evaluation = Evaluation(request)
    comparison = evaluation.run(observer, logs=logs, report=report)
    evaluation.send()
    return comparison


def compare_recorded(request: Request, observer: Observer | None = None, *, report: bool = False) -> Comparison:
    """Judge recorded runs again. Every run is judged on the cases that the run contains.

    Nothing is generated or written. All recorded epochs of each run are used.

    Args:
        request: The request. The models and the baseline of the request are recorded runs.
        observer: Receives the progress.
        report: Whether to gather the additional data of a report.

    Raises:
        InputError: A model or the baseline is not a recorded run, or an option is invalid.
    """
    for spec in (*request.models, *filter(None, [request.baseline])):
        if resolve(spec).kind != "replay":
            raise InputError(
                f"{spec} is not a recorded run",
                "Give the folder of a run, for example runs/NAME, or the ledger.jsonl in the folder.",
            )
    return Evaluation(request, recorded=True).run(observer, report=report)


def compare(
    baseline: str,
    *runs: str,
    cases: str | None = None,
    tools: str | None = None,
    dialect: str | None = None,
    margin: float = MARGIN,
    skip_too_long: bool = False,
    skip_bad: bool = False,
) -> Comparison:
    """Compare recorded runs with a baseline. Nothing is generated or written.

    Args:
        baseline: Folder or ledger of a run.
        runs: Folders or ledgers of the runs that are compared with the baseline.
        cases: File or folder of the cases that the runs answered. None for the shipped cases. If a run has no answer to
            a case, the case is left out for this run.
        tools: File or module with the toolboxes of the cases. For scenarios, the world: `my_world.py:World`.
        dialect: Dialect of the answers. Only for recordings that do not contain the name of their dialect.
        margin: Differences between -margin and +margin count as equivalent. 0.05 is 5 points.
        skip_too_long: Whether the cases are left out that were too long for one of the recorded models.
        skip_bad: Whether rows of case files that cannot be read are left out.

    Raises:
        InputError: One of the arguments is not a recorded run, or an option is invalid.
    """
    request = Request(
        models=runs,
        baseline=baseline,
        cases=cases or shipped_cases(),
        tools=tools,
        dialect=dialect,
        margin=margin,
        skip_too_long=skip_too_long,
        skip_bad=skip_bad,
    )
    return compare_recorded(request)
