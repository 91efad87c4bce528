"""`toolmark calibrate`: fits a threshold for calls on dev cases, and prints the spec of the candidate with it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from cyclopts import App

from toolmark.benchmark.candidates.call_threshold import threshold_text
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.printing import say
from toolmark.benchmark.core.progress import phases_shown
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.shipped_cases import named_case_set
from toolmark.benchmark.evaluation.case_set import case_set_hash
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.options import eval_command
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.shared_options import AnswerOptions, CaseOptions
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver
from toolmark.benchmark.readers.case_selection import TEST_ENDINGS
from toolmark.benchmark.runs.calibration import Calibration, read_calibration, write_calibration
from toolmark.benchmark.runs.remote_runs import local_runs
from toolmark.benchmark.scoring.call_scores import CallScore, call_scores, score_sources
from toolmark.benchmark.scoring.metrics import AT_RESTRAINT
from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.benchmark.verdicts.fitted_threshold import fit_threshold

__all__ = ["calibrate"]

_RESTRAINT = 0.9
"""The restraint of `timing.at_restraint[0.9]`, and the highest default.

A base that never calls has a restraint of 100%. A candidate that must reach this restraint cannot call either.
"""

calibrate = App(name="calibrate", help="Fit a threshold for calls on dev cases, and print the spec with the threshold.")


@calibrate.default
def fit(
    model: str,
    *,
    adapter: str | None = None,
    restraint: float | None = None,
    limit: int | None = None,
    thinking_tokens: int = Decoding().thinking_tokens,
    runs: str = "runs",
    case_options: CaseOptions = CaseOptions(),  # noqa: B008 - it cannot be changed
    answer_options: AnswerOptions = AnswerOptions(),  # noqa: B008 - it cannot be changed
) -> None:
    """Fit a threshold for calls on dev cases, and print the spec of the candidate with this threshold.

    The candidate then calls if the probability of a call is above the threshold. Of all thresholds that reach the
    demanded restraint, the one with the highest recall is chosen. Then the candidate answers the dev cases with this
    threshold, and the scores of these answers are printed. The printed restraint can be lower than demanded, because an
    answer that cannot be read is neither a call nor an abstention. Test cases are never read.

    The threshold for 90% restraint is stored in the run of the candidate, with the cases on which it was fitted. It
    replaces an earlier one. Reports of the run use it for `timing.at_restraint[0.9]`.

    Parameters
    ----------
    model:
        A local model, or the base of the adapter.
    adapter:
        The adapter for which the threshold is fitted.
    restraint:
        The demanded restraint: among the dev cases in which no call is right, the share in which the candidate must not
        call. The default is the restraint of the base, but at most 0.9. Without an adapter, the default is 0.9.
    limit:
        Only this number of dev cases.
    thinking_tokens:
        Largest number of tokens of a thought. With 0, thoughts count against --max-tokens.
    runs:
        Folder in which runs are stored, or an address such as s3://BUCKET/runs.
    case_options:
        Which cases are answered, and how they are written as prompts.
    answer_options:
        How the model answers.
    """
    if restraint is not None and not 0 <= restraint <= 1:
        raise InputError(f"--restraint {restraint:g} is not between 0 and 1", "Write a share: --restraint 0.9")
    if not resolve(model).has_weights:
        raise InputError(f"{model} is not a model with weights that can be loaded", "Give a local model.")
    request = Request(
        models=(model,),
        adapters=() if adapter is None else (adapter,),
        split="dev",
        limit=limit,
        thinking_tokens=thinking_tokens,
        runs=local_runs(runs),
        **case_options.of_request(),
        **answer_options.of_request(),
    )
    evaluation = Evaluation(request)
    contestant = evaluation.contestants[-1]
    if contestant.candidate.call_threshold is not None:
        raise InputError(f"{contestant.name} already has a threshold for calls", "Leave the threshold out.")
    if len(evaluation.contestants) > 1 + (adapter is not None):
        raise InputError(
            f"{adapter or model} is a recipe with several seeds, but a threshold is fitted for one adapter",
            "Choose a seed: RECIPE.toml@1",
        )
    _check_cases(evaluation)
    with phases_shown():
        comparison = evaluation.run(TerminalObserver(), logs=False)
    scores = _scores(contestant)
    demanded = restraint
    if demanded is None:
        of_base = comparison.contestants[0].figures["timing.restraint"].score
        demanded = _RESTRAINT if adapter is None or of_base is None else min(of_base, _RESTRAINT)
    source = named_case_set(request.cases) or request.cases
    stored = Calibration(fit_threshold(scores, _RESTRAINT), len(scores), source, case_set_hash(evaluation.cases), limit)
    earlier = read_calibration(contestant.run.folder)
    write_calibration(contestant.run.folder, stored)
    end = threshold_text(fit_threshold(scores, demanded))
    if adapter is None:
        with_threshold = replace(request, models=(model + end,))
    else:
        with_threshold = replace(request, adapters=(adapter + end,))
    with phases_shown():
        judged_again = Evaluation(with_threshold)
        forced = judged_again.run(TerminalObserver(), logs=False)
        evaluation.send()
        judged_again.send()
    say(f"{len(scores)} dev cases, demanded restraint {demanded:.1%}")
    say(f"without a threshold: {_own(comparison)}")
    say(f"with {end}: {_own(forced)}")
    say(f"spec: {':'.join([*with_threshold.models, *with_threshold.adapters])}")
    instead = "" if earlier is None or earlier.case_set == stored.case_set else f", instead of {earlier.fitted_on}"
    say(f"{AT_RESTRAINT.id} uses the threshold {stored.threshold:g}, fitted on {stored.fitted_on}{instead}")
    say(f"To evaluate it: {eval_command(replace(with_threshold, split=Request().split, limit=None))}")


def _check_cases(evaluation: Evaluation) -> None:
    """Check before anything is generated that a threshold can be fitted on the cases."""
    if evaluation.request.cases.endswith(TEST_ENDINGS):
        raise InputError(
            f"{evaluation.request.cases} contains test cases, but a threshold is fitted on dev cases",
            "Give dev cases, for example the folder of the file: --cases DIR",
        )
    cases = [case for case in evaluation.cases if isinstance(case, Case) and case.waiver is None]
    if "timing.recall" not in evaluation.case_set.checked:
        found = f"{evaluation.request.cases} contains {evaluation.case_set.noun}"
        raise InputError(
            f"{found}, but a threshold is fitted on single cases",
            "Give other cases: --cases PATH. Without --cases, the shipped cases are used.",
        )
    _check_kinds({case.expect.action for case in cases})


def _check_kinds(kinds: Collection[object]) -> None:
    if len(kinds) < 2:
        raise InputError(
            "the dev cases are all of one kind, but a threshold needs cases with a call and cases without a call",
            "Give other cases: --cases PATH",
        )


def _scores(contestant: Contestant) -> list[CallScore]:
    scores = call_scores(contestant.grades, "probability")
    if "probability" not in score_sources(contestant.grades):
        cases = len({grade.case_id for grade in contestant.grades if grade.waived is None})
        raise InputError(
            f"the probability of a call is known for only {len(scores)} of {cases} cases of {contestant.name}",
            "Use a dialect in which the beginning of an answer shows a call: --dialect tagged. If an earlier "
            f"version of Toolmark generated the answers, remove {contestant.run.folder}",
        )
    _check_kinds({one.right for one in scores})
    return scores


def _own(comparison: Comparison) -> str:
    """Return recall and restraint of the last contestant, as its answers were judged."""
    figures = comparison.contestants[-1].figures
    recall, restraint = (figures[metric].score for metric in ("timing.recall", "timing.restraint"))
    return f"recall {recall or 0:.1%}, restraint {restraint or 0:.1%}"
