"""Chooses the arguments of the chat template for each candidate.

An argument such as `{"enable_thinking": false}` changes every prompt. A model must be judged with prompts like those of
its training, so the arguments of the training are the default. A base is compared with its adapter, so the base gets
the arguments of the adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolmark.benchmark.candidates.recipes import is_recipe, read_recipe
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.config.template_args import TemplateArgs, written
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.user_paths import expanded
from toolmark.benchmark.data.record import TrainingRecord

__all__ = ["TemplateArgsChoice", "choose_template_args"]


@dataclass(frozen=True, slots=True)
class TemplateArgsChoice:
    """The template arguments of a candidate.

    Attributes:
        args: The arguments.
        reason: Why these arguments were chosen. Empty if no arguments were given or found.
    """

    args: TemplateArgs = field(default_factory=dict)
    reason: str = ""

    def __str__(self) -> str:
        return f"template arguments {written(self.args)} ({self.reason})" if self.reason else ""


def choose_template_args(
    given: TemplateArgs | None, candidate: Candidate, candidates: Sequence[Candidate]
) -> TemplateArgsChoice:
    """Return the template arguments of a candidate.

    The first rule that applies decides:

    1. Recordings and policies get no arguments, because they use no chat template.
    2. If `--template-args` is given, these arguments are used.
    3. A served model gets no arguments.
    4. If any candidate has an adapter with known arguments, all candidates get these arguments, including the base.
    5. If the candidate is a model that was trained with Toolmark, the arguments of the training are used.
    6. Otherwise there are no arguments.

    Args:
        given: The value of `--template-args`. None if the option was not given.
        candidate: The candidate.
        candidates: All candidates of the evaluation.

    Raises:
        InputError: Adapters were trained with different arguments, and `given` is None.
    """
    if candidate.kind in ("replay", "policy"):
        return TemplateArgsChoice()
    trained = [args for other in candidates if other.adapter and (args := _trained(other)) is not None]
    if given is not None:
        known = [args for args in (*trained, _trained(candidate)) if args is not None]
        differing = next((args for args in known if args != given), None)
        note = "" if differing is None else f"; the training used {written(differing)}"
        return TemplateArgsChoice(given, f"chosen by --template-args{note}")
    if candidate.kind == "inspect":
        return TemplateArgsChoice()
    every = {written(args): args for args in trained}
    if len(every) > 1:
        raise InputError(
            f"the adapters were trained with different template arguments: {', '.join(sorted(every))}",
            "Evaluate one adapter at a time, or give the arguments for all adapters: --template-args '{}'",
        )
    if every:
        (args,) = every.values()
        return TemplateArgsChoice(args, "the adapter was trained with these arguments" if args else "")
    own = _trained(candidate)
    return TemplateArgsChoice(own, "the model was trained with these arguments") if own else TemplateArgsChoice()


def _trained(candidate: Candidate) -> TemplateArgs | None:
    """Return the arguments with which the adapter or base of a candidate was trained. None if they are not known."""
    if candidate.adapter is not None and is_recipe(path := Path(candidate.adapter)):
        return read_recipe(path).template_args
    if candidate.adapter is None and candidate.kind != "local":
        return None
    record = TrainingRecord.read(expanded(candidate.adapter or candidate.base))
    return None if record is None else record.template_args
