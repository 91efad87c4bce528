"""A candidate in one evaluation, with its dialect, run, grades and baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolmark.benchmark.candidates.dialect_choice import family_dialect, trained_dialect
from toolmark.benchmark.candidates.recipe_trainings import judged_recipe, name_without_seed
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.template_args_choice import TemplateArgsChoice, choose_template_args
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.record import TrainingRecord
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.runs.calibration import read_calibration
from toolmark.benchmark.runs.replay import read_replay
from toolmark.benchmark.runs.run import Run
from toolmark.benchmark.scoring.judged import Judged
from toolmark.benchmark.verdicts.comparison import Side

__all__ = ["Contestant", "contestants"]


@dataclass(slots=True, eq=False)
class Contestant:
    """A candidate in one evaluation.

    Attributes:
        name: Name of the contestant, unique in the evaluation.
        candidate: The candidate that answers. If its adapter is a recipe, the recipe is replaced by the adapter as soon
            as the adapter is made.
        dialect: The dialect in which tools are shown and calls are read.
        dialect_reason: Why this dialect was chosen.
        template_args: The arguments of the chat template.
        baseline: The contestant that this contestant is compared with. None if there is no baseline.
        recipe: Name of the recipe, if the candidate is one of its trainings and has a baseline. Otherwise empty. Two
            recipes have different names.
        grades: One grade for each completion. Empty until the completions are judged.
    """

    name: str
    candidate: Candidate
    dialect: Dialect
    dialect_reason: str
    baseline: Contestant | None
    template_args: TemplateArgsChoice = field(default_factory=TemplateArgsChoice)
    recipe: str = ""
    grades: Sequence[Judged] = ()
    _run: Run | None = field(default=None, init=False, repr=False)

    @property
    def run(self) -> Run:
        """Return the run of the candidate.

        Raises:
            RuntimeError: The run was not opened yet.
        """
        if self._run is None:
            raise RuntimeError(f"the run of {self.name} is not opened yet")
        return self._run

    @run.setter
    def run(self, run: Run) -> None:
        self._run = run

    @property
    def training(self) -> TrainingRecord | None:
        """Return the training record of the weights. None if there is no record."""
        return TrainingRecord.of(self.run.training)

    def side(self) -> Side:
        """Return the data of this contestant that a comparison needs."""
        replayed = self.candidate.kind == "replay"
        return Side(
            name=self.name,
            grades=self.grades,
            completions=self.run.completions,
            baseline=None if self.baseline is None else self.baseline.name,
            run=self.run.folder.name,
            identity=self.run.identity,
            environment=self.run.environment,
            training=self.training,
            calibration=read_calibration(Path(self.candidate.base).parent if replayed else self.run.folder),
            recipe=self.recipe,
        )


def contestants(request: Request, candidates: Sequence[tuple[Candidate, int | None]]) -> list[Contestant]:
    """Return a contestant for each candidate.

    Args:
        request: The request.
        candidates: Pairs of a candidate and the index of its baseline in this sequence. A baseline comes before the
            candidates that are compared with it. The index is None if the candidate has no baseline.

    Raises:
        InputError: A dialect is unknown, the dialect of a recording differs from --dialect, or adapters were trained in
            different dialects or with different template arguments.
    """
    every = [candidate for candidate, _ in candidates]
    recipes = _recipes(every)
    made: list[Contestant] = []
    for name, recipe, (candidate, baseline) in zip(
        _numbered([candidate.name for candidate in every]), recipes, candidates, strict=True
    ):
        compared_with = None if baseline is None else made[baseline]
        if candidate.kind == "deployed" and compared_with is not None:
            made.append(_deployed(name, candidate, compared_with, request))
            continue
        dialect, reason = _dialect(request, candidate, every)
        template_args = choose_template_args(request.template_args, candidate, every)
        of_recipe = "" if compared_with is None else recipe
        made.append(Contestant(name, candidate, dialect, reason, compared_with, template_args, of_recipe))
    return made


def _recipes(candidates: Sequence[Candidate]) -> list[str]:
    """Return for each candidate the name of the recipe of which it is a training. Empty if there is no recipe."""
    keys = [judged_recipe(candidate) for candidate in candidates]
    names = {key: name_without_seed(one) for key, one in zip(keys, candidates, strict=True) if key is not None}
    shown = dict(zip(names, _numbered(list(names.values())), strict=True))
    return ["" if key is None else shown[key] for key in keys]


def _deployed(name: str, candidate: Candidate, model: Contestant, request: Request) -> Contestant:
    """Return the contestant of a deployed model. It is asked in the same way as the model that was deployed."""
    reason = f"the dialect of {model.name}"
    args = model.template_args
    if model.candidate.kind == "replay":
        recorded = read_replay(Path(model.candidate.base)).identity.get("template_args")
        given = request.template_args if request.template_args is not None else recorded
        args = TemplateArgsChoice(given, f"those of {model.name}") if given else args
    return Contestant(name, candidate, model.dialect, reason, model, args)


def _numbered(names: Sequence[str]) -> list[str]:
    """Return different names. A number is added to equal names: `name#1`, `name#2`."""
    counts = Counter(names)
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(f"{name}#{seen[name]}" if counts[name] > 1 else name)
    return numbered


def _dialect(request: Request, candidate: Candidate, candidates: Sequence[Candidate]) -> tuple[Dialect, str]:
    """Return the dialect of a candidate, and why this dialect was chosen."""
    name, reason = request.dialect, "chosen by --dialect"
    if candidate.kind == "replay":
        recorded = read_replay(Path(candidate.base)).dialect
        if recorded is None and name is None:
            raise InputError(
                f"{candidate.base} does not contain the name of its dialect", "Give the dialect: --dialect NAME"
            )
        if recorded is not None:
            if name not in (None, recorded):
                raise InputError(
                    f"{candidate.base} was recorded in the dialect {recorded}, not in the dialect {name}",
                    "Leave --dialect out.",
                )
            name, reason = recorded, "as recorded"
    if name is None:
        name, reason = _default_dialect(candidate, candidates)
    return load("toolmark.dialects", name)(), reason


def _default_dialect(candidate: Candidate, candidates: Sequence[Candidate]) -> tuple[str, str]:
    """Return the default dialect of a candidate, and the reason.

    The first rule that applies decides:

    1. If any candidate has an adapter, all candidates use the dialect of the adapter. So base and adapter use the same
       dialect.
    2. If the candidate is a trained model, the dialect of its training is used.
    3. If the model family of the candidate has a dialect, this dialect is used.
    4. Otherwise the dialect is `tagged`.
    """
    trained = {dialect for other in candidates if other.adapter and (dialect := trained_dialect(other))}
    if len(trained) > 1:
        raise InputError(
            f"the adapters were trained in different dialects: {', '.join(sorted(trained))}",
            "Evaluate one adapter at a time, or choose one dialect for all adapters: --dialect NAME",
        )
    if trained:
        return trained.pop(), "the adapter was trained in this dialect"
    if own := trained_dialect(candidate):
        return own, "the model was trained in this dialect"
    if of_family := family_dialect(candidate):
        dialect, family = of_family
        return dialect, f"default of the family {family}"
    return "tagged", "default"
