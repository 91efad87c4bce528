"""Parses completions. This module contains the rules that are the same in all dialects.

The scanner finds the attempts to call and the text between them. A strict reading accepts a completion if there is only
white-space between and after the calls, and if the calls have no mistakes. A lenient reading forgives some mistakes. In
every dialect, these are also mistakes:

- a code fence around a call
- a tool result that the model wrote itself
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import Completion, FailedAttempt, ParsedCompletion, UntypedCall
from toolmark.benchmark.dialects import foreign_forms, json_in_text
from toolmark.benchmark.dialects.attempts import Attempt, Fault, Leniency
from toolmark.benchmark.dialects.scanner import Found, Reader, Scanner
from toolmark.benchmark.dialects.typed_arguments import guessed

__all__ = ["Grammar", "Rules", "judge", "too_long"]

_NOTHING = re.compile(r"(?!)")
_BLANK = re.compile(r"\s*")


@dataclass(frozen=True)
class Rules:
    """The rules of a dialect for the text around calls.

    Attributes:
        result: Pattern of the beginning of a tool result.
        between: Pattern of the text that a strict reading accepts between two calls.
        after: Pattern of the text that a strict reading accepts after the last call.
        answer: Function that makes the text for the user from the text outside of calls.
        unopened: Pattern of the end of a call, in the text around calls. It shows a call whose opening mark is missing.
    """

    result: re.Pattern[str] = _NOTHING
    between: re.Pattern[str] = _BLANK
    after: re.Pattern[str] = _BLANK
    answer: Callable[[str], str] = str.strip
    unopened: re.Pattern[str] = _NOTHING


class Grammar:
    """How a dialect writes calls.

    Args:
        readers: The reader of each mark with which a call begins. See `toolmark.benchmark.dialects.scanner.Reader`.
        forms: Names of the forms that the dialect reads itself, as in `foreign_forms.py`.
        rules: The rules for the text around calls.
        whole: Reader of a text that consists only of calls without marks. See `Scanner`.
        ahead: For a mark, the pattern of the text that must follow it.
    """

    def __init__(
        self,
        readers: Mapping[str, Reader],
        forms: tuple[str, ...],
        rules: Rules | None = None,
        whole: Reader | None = None,
        ahead: Mapping[str, str] | None = None,
    ) -> None:
        # A strict and a lenient reading of the same text need only one scan.
        self._scan = lru_cache(maxsize=1)(Scanner(readers, forms, whole, ahead).scan)
        self._forms = forms
        self._rules = rules or Rules()

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model causes an exception."""
        if len(completion.text) > json_in_text.MAX_LENGTH:
            return too_long()
        return judge(self._scan(completion.text), self._rules, self._forms, strict=strict)


def too_long() -> ParsedCompletion:
    """Return the reading of a text that is too long to be read."""
    return ParsedCompletion(attempted=True, error=f"the text is longer than {json_in_text.MAX_LENGTH} characters")


def judge(found: Found, rules: Rules, own: tuple[str, ...], *, strict: bool) -> ParsedCompletion:
    """Return the reading of a text. `found` is what the scanner found in the text."""
    words = "".join(found.gaps)
    attempts = found.attempts
    failed = [*found.failed, *_unopened(found, rules)]
    if not attempts:
        if not failed and not strict:
            failed.extend(foreign_forms.unmarked(words, own))
        return ParsedCompletion(answer=rules.answer(words), failed=tuple(failed))
    if len(attempts) == 1 and not failed and _is_clean(attempts[0], found.gaps, rules):
        # Most answers are one call and nothing else, so they are not searched for mistakes.
        typed, untyped = _split([*attempts[0].calls])
        return ParsedCompletion(typed, attempted=True, answer=rules.answer(words), untyped=untyped)
    own_failures = [
        FailedAttempt(attempt.form, attempt.error, attempt.name, cut=attempt.cut)
        for attempt in attempts
        if attempt.error is not None
    ]
    # A strict reading keeps only the calls without mistakes.
    calls = [call for attempt in attempts if not (strict and attempt.forgiven) for call in attempt.calls]
    faults = list(_faults(found, rules, words))
    typed, untyped = _split(calls)
    error = None
    if strict or not calls:
        error = next((failure.reason for failure in [*own_failures, *failed] if failure.certain), None)
        error = error or next((text for _, text in faults), None)
    return ParsedCompletion(
        calls=typed,
        attempted=True,
        error=error,
        answer=rules.answer(words),
        failed=(*own_failures, *failed),
        forgiven=tuple(dict.fromkeys(kind.value for kind, _ in faults)) if faults else (),
        untyped=untyped,
    )


def _unopened(found: Found, rules: Rules) -> Iterator[FailedAttempt]:
    """Yield the calls whose opening mark is missing, at most one before, between and after the calls that are read."""
    for gap in found.gaps:
        if gap and rules.unopened.search(gap) is not None:
            yield FailedAttempt(None, "the opening mark of a call is missing", cut=False)


def _is_clean(attempt: Attempt, gaps: list[str], rules: Rules) -> bool:
    """Return whether a text with one attempt has no mistake."""
    before, after = gaps
    if attempt.error is not None or attempt.forgiven or (after and rules.after.fullmatch(after) is None):
        return False
    return not before or not ("```" in before or rules.result.search(before))


def _split(calls: list[Call | UntypedCall]) -> tuple[tuple[Call, ...], tuple[Call | UntypedCall, ...]]:
    """Return two tuples with the same calls: first with guessed types, then as they were read.

    The second tuple is empty if no call needs a schema.
    """
    if not any(isinstance(call, UntypedCall) for call in calls):
        return tuple(call for call in calls if isinstance(call, Call)), ()
    typed = (call if isinstance(call, Call) else guessed(call) for call in calls)
    return tuple(call for call in typed if call is not None), tuple(calls)


def _faults(found: Found, rules: Rules, words: str) -> Iterator[Fault]:
    """Yield the mistakes. The error of a strict reading names the first one."""
    fenced = False
    for number, (gap, attempt) in enumerate(zip(found.gaps, found.attempts, strict=False)):
        if number and rules.result.search(gap):
            yield Leniency.OWN_RESULT, "the model wrote a tool result itself"
        if "```" in gap:
            fenced ^= gap.count("```") % 2 == 1
        if fenced:
            yield Leniency.CODE_FENCE, "the call is in a code fence"
        elif number and rules.between.fullmatch(gap) is None:
            yield Leniency.TEXT_BETWEEN, "there is text between two calls"
        yield from attempt.forgiven
    if rules.result.search(words):
        yield Leniency.OWN_RESULT, "the model wrote a tool result itself"
    if rules.after.fullmatch(found.gaps[-1]) is None:
        yield Leniency.TEXT_AFTER, "there is text after the last call"
