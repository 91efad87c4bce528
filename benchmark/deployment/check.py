"""Compares a trained model with its deployment on the same cases, part by part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.progress import counting, phase
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.deployment.deployed_answers import SIDES, CaseAnswers, ClientReading, SideName, ask_about
from toolmark.benchmark.deployment.trained_side import TrainedSide
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.runtimes.runtime import Runtime
from toolmark.benchmark.engine.server_facts import NOT_TOLD
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.observer import Observer
from toolmark.benchmark.evaluation.report_data import gather
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.scoring.metrics import PRIMARY, case_values
from toolmark.benchmark.tools.toolbox_names import named_tools
from toolmark.benchmark.verdicts.comparison import Comparison, Side, compare_sides
from toolmark.benchmark.verdicts.verdict import Verdict

__all__ = [
    "DEPLOYED",
    "CaseFinding",
    "DeploymentResult",
    "PartResult",
    "Send",
    "check_deployment",
    "trained_contestant",
]

Send = Literal["auto", "tools", "turns"]
"""What a client sends. `tools`: the conversation and the tools. `turns`: the turns of the dialect, with the tools.
`auto`: `tools` with the dialect native, else `turns`.
"""

DEPLOYED = "deployed"
"""Name of the whole deployment, which is compared with the float model."""

_WORST_FIRST: tuple[Verdict, ...] = ("regressed", "missing", "inconclusive", "improved", "equivalent")


@dataclass(frozen=True, slots=True)
class CaseFinding:
    """One difference in one case.

    Attributes:
        case_id: Id of the case.
        ref: Where the case comes from.
        part: The part of the deployment.
        kind: The class of the difference.
        before: The value on the previous side, for example its token.
        after: The value on this side.
        token: Index of the first differing token of the answer. None if no tokens are compared.
        flip: `lost` if only the answer of the previous side is right. `won` if only the answer of this side is right.
            Otherwise empty.
    """

    case_id: str
    ref: str
    part: SideName
    kind: str
    before: str
    after: str
    token: int | None
    flip: Literal["", "lost", "won"]


@dataclass(frozen=True, slots=True)
class PartResult:
    """The result of one part of the deployment.

    Attributes:
        name: Name of the part, or `deployed` for the whole deployment.
        n: Number of cases. 0 if the runtime does not show this part.
        equal: Number of cases without a difference in this part.
        classes: Number of cases with each class of difference.
        verdict: The worst verdict of the primary metrics. None if no metric has a case.
    """

    name: str
    n: int
    equal: int
    classes: Mapping[str, int]
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class DeploymentResult:
    """The result of a deployment check.

    Attributes:
        runtime: What the runtime told about itself.
        send: What a client sends.
        parts: The parts, in the order in which they follow each other, and then the whole.
        findings: All differences of all cases.
        comparison: The figures of all sides.
        sides: The grades and answers of all sides.
    """

    runtime: Mapping[str, Any]
    send: Send
    parts: tuple[PartResult, ...]
    findings: tuple[CaseFinding, ...]
    comparison: Comparison
    sides: tuple[Side, ...] = ()


def trained_contestant(evaluation: Evaluation) -> Contestant:
    """Return the only contestant of an evaluation: the trained model.

    Raises:
        InputError: There are several contestants, or the model has no weights on this machine.
    """
    contestant, *others = evaluation.contestants
    if others:
        raise InputError(
            f"the recipe stands for {1 + len(others)} adapters, one for each seed", "Choose a seed: BASE:RECIPE.toml@1"
        )
    if not contestant.candidate.has_weights:
        raise InputError(
            f"{contestant.candidate.name} is not a model with weights on this machine",
            "Give a local model, a model on the hub, or BASE:ADAPTER.",
        )
    return contestant


def check_deployment(
    request: Request,
    runtime: Runtime,
    send: Send = "auto",
    observer: Observer | None = None,
    *,
    report: bool = False,
) -> DeploymentResult:
    """Compare a trained model with its deployment.

    Args:
        request: The request for an evaluation with one model: the trained model.
        runtime: The runtime that serves the deployed model.
        send: What a client sends.
        observer: Receives the progress of the evaluation.
        report: Whether to gather the additional data of a report.

    Raises:
        InputError: The trained model has no weights on this machine, or an option is invalid.
        EnvironmentFault: Weights or the runtime are not available.
    """
    evaluation = Evaluation(request)
    contestant = trained_contestant(evaluation)
    single = [case for case in evaluation.cases if isinstance(case, Case)]
    if not single:
        raise InputError(
            f"{request.cases} contains scenarios, and a deployment check needs cases", "Leave --cases out."
        )
    evaluation.run(observer, logs=False)
    evaluation.send()
    run = contestant.run
    if run.weights is None:
        raise RuntimeError("a run of a local model must have weights")
    trained = TrainedSide(run.weights.base, contestant.dialect, run.template_args)
    cases = [case for case in single if (case.id, 1) in run.completions]
    chosen: Send = ("tools" if trained.native else "turns") if send == "auto" else send

    def ask(case: Case) -> CaseAnswers:
        sent = trained.sent(case, tools=chosen == "tools")
        return ask_about(case, run.completions[case.id, 1], trained, runtime, sent, request.max_tokens)

    answers = _asked(cases, ask, request.connections)
    with phase("judging"):
        grades = _graded(answers, contestant.dialect, request)
    identity = {name: run.identity.get(name) for name in ("dialect", "decoding", "dtype")}
    identity |= {"template": trained.template, "parser": f"dialect {contestant.dialect.name}"}
    sides = _sides(answers, grades, identity, runtime)
    with phase("gathering the data of the report"):
        data = gather(cases, sides, contestant.dialect) if report else None
    comparison = compare_sides(sides, request.margin, data)
    return DeploymentResult(
        runtime.facts.as_json(),
        chosen,
        _parts(answers, comparison),
        tuple(_findings(answers, grades)),
        comparison,
        tuple(sides),
    )


def _asked(cases: Sequence[Case], ask: Callable[[Case], CaseAnswers], connections: int) -> list[CaseAnswers]:
    with ThreadPoolExecutor(connections) as pool:
        try:
            return list(counting(pool.map(ask, cases), "cases asked", len(cases), "case"))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


Grades = Mapping[SideName, Mapping[str, Grade]]
"""The grade of each case on each side, by id of the case."""


def _graded(answers: Sequence[CaseAnswers], dialect: Dialect, request: Request) -> Grades:
    client = ClientReading(dialect)
    with Executor(request.execute, named_tools(request.tools).tools, trust_data=False) as executor:
        return {
            side: {
                one.case.id: grade(one.case, one.answers[side], client if side == "parser" else dialect, executor)
                for one in answers
                if side in one.answers
            }
            for side in _shown_sides(answers)
        }


def _shown_sides(answers: Sequence[CaseAnswers]) -> list[SideName]:
    """Return the sides that the runtime shows. A refused conversation counts on every side that other cases have."""
    shown = {side for one in answers if not one.refused for side in one.answers} or {"float", "parser"}
    return [side for side in SIDES if side in shown]


def _sides(answers: Sequence[CaseAnswers], grades: Grades, identity: Mapping[str, Any], runtime: Runtime) -> list[Side]:
    """Return the sides, and the whole deployment as the last side.

    The identity of a side says with which weights, template and parser it answered. From one side to the next, only the
    fields of the part that changes are different.
    """
    told = runtime.facts.told
    changed: Mapping[SideName, Mapping[str, str]] = {
        "float": {},
        "weights": {"dtype": str(told.get("quantisation", NOT_TOLD))},
        "prompt": {"template": str(told.get("template", NOT_TOLD))},
        "decoding": {},
        "parser": {"parser": runtime.facts.kind},
    }
    sides: list[Side] = []
    fields = dict(identity)
    for side in SIDES:
        fields |= changed[side]
        if side in grades:
            completions = {(one.case.id, 1): _compared(one, side, grades) for one in answers if side in one.answers}
            environment = (
                {"engine": runtime.facts.name, "server": runtime.facts.as_json()}
                if sides
                else {"engine": "transformers"}
            )
            before = sides[-1].name if sides else None
            judged = list(grades[side].values())
            sides.append(Side(side, judged, completions, before, identity=dict(fields), environment=environment))
    return [*sides, replace(sides[-1], name=DEPLOYED, baseline="float")]


def _compared(one: CaseAnswers, side: SideName, grades: Grades) -> Completion:
    """Return the answer by which the comparison finds out whether two sides are identical.

    A parser moves calls from the text to `tool_calls`. If it changes nothing else, the answer of the side before is
    returned.
    """
    before, after = (grades.get(name, {}).get(one.case.id) for name in ("decoding", side))
    if side != "parser" or before is None or after is None or one.differences.get(side):
        return one.answers[side]
    return one.answers["decoding" if _values(before) == _values(after) else side]


def _values(grade: Grade) -> list[float | None]:
    """Return the value of each primary metric for one grade. None if the metric does not include the case."""
    return [next((one.value for one in case_values(metric, [grade])), None) for metric in PRIMARY]


def _parts(answers: Sequence[CaseAnswers], comparison: Comparison) -> tuple[PartResult, ...]:
    parts = []
    for name in SIDES[1:]:
        kinds = [kinds for one in answers if (kinds := _kinds(one, name)) is not None]
        classes = dict(Counter(kind for one in kinds for kind in set(one)))
        parts.append(PartResult(name, len(kinds), sum(not one for one in kinds), classes, _worst(comparison, name)))
    sums = [one for one in answers if "parser" in one.answers]
    same = sum(all(not _kinds(one, name) for name in SIDES[1:]) for one in sums)
    return (*parts, PartResult(DEPLOYED, len(sums), same, {}, _worst(comparison, DEPLOYED)))


def _kinds(one: CaseAnswers, part: SideName) -> list[str] | None:
    """Return the classes of the differences of a part in a case. None if the runtime does not show the part.

    The part `prompt` is judged by the prompts, not by the answers to them.
    """
    differences: Sequence[Any] | None = one.differences.get(part)
    if part == "prompt":
        refused = [found.kind for found in differences or () if found.kind == "refused"]
        if one.prompt_differences is None:
            return refused or None
        return [found.kind for found in one.prompt_differences] + refused
    return None if differences is None else [found.kind for found in differences]


def _worst(comparison: Comparison, name: str) -> Verdict | None:
    if name not in {one.name for one in comparison.contestants}:
        return None
    verdicts = {one.verdict for one in comparison[name].differences.values() if one.n or one.verdict == "missing"}
    return next((verdict for verdict in _WORST_FIRST if verdict in verdicts), None)


def _findings(answers: Sequence[CaseAnswers], grades: Grades) -> list[CaseFinding]:
    found: list[CaseFinding] = []
    for one in answers:
        sides = [side for side in SIDES if one.case.id in grades.get(side, {})]
        for before, side in pairwise(sides):
            right = grades[before][one.case.id].correct, grades[side][one.case.id].correct
            flip: Literal["", "lost", "won"] = "" if right[0] == right[1] else "lost" if right[0] else "won"
            fixed = (one.case.id, one.case.source.ref, side)
            prompts = (one.prompt_differences or ()) if side == "prompt" else ()
            found += [CaseFinding(*fixed, each.kind, each.trained, each.deployed, None, flip) for each in prompts]
            found += [
                CaseFinding(*fixed, each.kind, each.before, each.after, each.token, flip)
                for each in one.differences.get(side, ())
            ]
    return found
