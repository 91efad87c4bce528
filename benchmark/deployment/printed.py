"""Prints the result of a deployment check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.table import Table

from toolmark.benchmark.core.printing import console, printable, say
from toolmark.benchmark.deployment.answer_differences import ANSWER_MEANINGS
from toolmark.benchmark.deployment.check import DEPLOYED, CaseFinding, DeploymentResult, PartResult
from toolmark.benchmark.deployment.prompt_classes import MEANINGS
from toolmark.benchmark.verdicts.comparison import Comparison

__all__ = ["print_result"]

_QUESTIONS = {
    "weights": "the same prompt: are the answers the same?",
    "prompt": "does the runtime make the same prompt?",
    "decoding": "in a chat, does the runtime choose the tokens that its weights would choose?",
    "parser": "does the runtime return the calls that the answer contains?",
    DEPLOYED: "the whole deployment against the trained model",
}
_MEANINGS = {**MEANINGS, **ANSWER_MEANINGS}
_COLOURS = {"regressed": "red", "missing": "red", "improved": "green", "equivalent": "green"}
_MOST_FLIPS = 10
_MOST_TEXT = 160


def print_result(result: DeploymentResult) -> None:
    """Print the runtime, a table of the parts, an example of each class of difference, and the cases that flip."""
    told = ", ".join(f"{name} {value}" for name, value in result.runtime.items() if name != "kind")
    say(f"runtime: {result.runtime['kind']}{f' ({told})' if told else ''}")
    say(f"a client sends: {'the conversation and the tools' if result.send == 'tools' else 'turns with the tools'}")
    console().print(_table(result))
    _print_classes(result.findings)
    _print_flips(result.findings)


def _table(result: DeploymentResult) -> Table:
    table = Table("part", "question", "equal", "verdict", "points", box=None, header_style="bold")
    for part in result.parts:
        if not part.n:
            table.add_row(part.name, _QUESTIONS[part.name], "-", "cannot be seen", "", style="dim")
            continue
        verdict = part.verdict or "not judged"
        equal = f"{part.equal} of {part.n}"
        points = _points(result.comparison, part)
        table.add_row(part.name, _QUESTIONS[part.name], equal, verdict, points, style=_COLOURS.get(verdict))
    return table


def _points(comparison: Comparison, part: PartResult) -> str:
    """Return the metrics that changed, in points."""
    if part.verdict is None:
        return ""
    differences = comparison[part.name].differences
    changed = (f"{metric} {one.effect * 100:+.1f}" for metric, one in differences.items() if one.effect)
    return ", ".join(changed) or "no change"


def _print_classes(findings: Sequence[CaseFinding]) -> None:
    """Print each class of difference with its number of cases and one example."""
    counts = Counter((part, kind) for part, kind, _ in {(one.part, one.kind, one.case_id) for one in findings})
    for name in _QUESTIONS:
        for (part, kind), count in counts.most_common():
            if part == name:
                example = next(one for one in findings if (one.part, one.kind) == (part, kind))
                say(f"{part}: {kind} in {count} case{'s' * (count != 1)}: {_MEANINGS[kind]}")
                say(f"  example {example.case_id} ({example.ref}): {_change(example)}")


def _print_flips(findings: Sequence[CaseFinding]) -> None:
    flips = list({(one.case_id, one.part): one for one in findings if one.flip and one.token is not None}.values())
    for one in flips[:_MOST_FLIPS]:
        say(f"{one.flip} by {one.part}: {one.case_id} ({one.ref}), {_change(one)}")
    if len(flips) > _MOST_FLIPS:
        say(f"{len(flips) - _MOST_FLIPS} more cases became right or wrong; --json-file FILE lists them")


def _change(one: CaseFinding) -> str:
    place = "" if one.token is None else f"token {one.token}: "
    return f"{place}{_short(one.before)} -> {_short(one.after)}"


def _short(text: str) -> str:
    line = printable(text).replace("\n", "\\n")
    return line if len(line) <= _MOST_TEXT else f"{line[:_MOST_TEXT]}…"
