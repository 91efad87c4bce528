"""Choosing the arguments of the chat template for each candidate.

A model that was trained with `{"enable_thinking": false}` must be judged with the same prompts. So the arguments of the
training are the default. As for the dialect, the base of an adapter gets the arguments of the adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolmark.benchmark.candidates.recipes import is_recipe, read_recipe
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.config.template_args import TemplateArgs, written
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.record import TrainingRecord

__all__ = ["TemplateArgsChoice", "choose_template_args"]


@dataclass(frozen=True, slots=True)
class TemplateArgsChoice:
    """The template arguments of a candidate.

    Attributes:
        args: The arguments.
        reason: Why these arguments were chosen. Empty if there are no arguments, and none were expected.
    """

    args: TemplateArgs = field(default_factory=dict)
    reason: str = ""

    def __str__(self) -> str:
        return f"template arguments {written(self.args)} ({self.reason})" if self.reason else ""


def choose_template_args(
    given: TemplateArgs | None, candidate: Candidate, candidates: Sequence[Candidate]
) -> TemplateArgsChoice:
    """Choose the template arguments of a candidate.

    The first rule that applies decides:

    1. The arguments of `--template-args` are used.
    2. If any candidate has an adapter with known arguments, these arguments are used. This also holds for the base.
    3. If the candidate is a model that was trained with Toolmark, the arguments of the training are used.
    4. Otherwise there are no arguments.

    Candidates without a chat template of their own (recordings and policies) get no arguments. A served model gets only
    the arguments of `--template-args`.

    Args:
        given: The value of `--template-args`. None if the option was not given.
        candidate: The candidate.
        candidates: All candidates of the evaluation.

    Raises:
        InputError: Adapters were trained with different arguments, and `given` is None.
    """
    if candidate.kind in ("replay", "policy"):
        return TemplateArgsChoice()
    trained = [(other, args) for other in candidates if other.adapter and (args := _trained(other)) is not None]
    if given is not None:
        differing = next((args for _, args in trained if args != given), None)
        if differing is None and (own := _trained(candidate)) is not None and own != given:
            differing = own
        note = "" if differing is None else f"; the training used {written(differing)}"
        return TemplateArgsChoice(given, f"chosen by --template-args{note}")
    if candidate.kind == "inspect":
        return TemplateArgsChoice()
    every = {written(args): args for _, args in trained}
    if len(every) > 1:
        raise InputError(
            f"the adapters were trained with different template arguments: {', '.join(sorted(every))}",
            "Evaluate one adapter at a time, or choose the arguments for all adapters: --template-args '{}'",
        )
    if every:
        (args,) = every.values()
        return TemplateArgsChoice(args, "the adapter was trained with them" if args else "")
    own = _trained(candidate)
    return TemplateArgsChoice(own, "the model was trained with them") if own else TemplateArgsChoice()


def _trained(candidate: Candidate) -> TemplateArgs | None:
    """The arguments with which a candidate's adapter or base was trained. None if they are not known."""
    if candidate.adapter is not None and is_recipe(path := Path(candidate.adapter)):
        return read_recipe(path).template_args
    if candidate.adapter is None and candidate.kind != "local":
        return None
    record = TrainingRecord.read(Path(candidate.adapter or candidate.base).expanduser())
    return None if record is None else record.template_args
