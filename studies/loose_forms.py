"""Writes recorded calls as bare calls and without names of arguments, and compares the lenient reading with BFCL.

`conformance.py` writes the page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from studies.official import reasons
from studies.page import Page, percent
from studies.recorded_verdicts import Official, decoded_calls, lines
from toolmark.benchmark.data.cases import Call, Case
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects.pythonic import Pythonic
from toolmark.benchmark.scoring.grades import grade
from toolmark.benchmark.scoring.matching import offered_tool

__all__ = ["FORMS", "Loose", "loose_forms", "loose_sections", "written"]

LENIENT = 0.99
"""Target for the agreement in each form."""

FORMS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "each call on a line": "\n".join,
    "commas between the calls": ", ".join,
    "semicolons between the calls": "; ".join,
    "each call in backticks, on a line": lambda calls: "\n".join(f"`{call}`" for call in calls),
    "each call in backticks, commas": lambda calls: ", ".join(f"`{call}`" for call in calls),
    "all calls in backticks": lambda calls: f"`{', '.join(calls)}`",
    "all calls in a fence `python`": lambda calls: "```python\n" + "\n".join(calls) + "\n```",
    "a list that is not closed": lambda calls: f"[{', '.join(calls)}",
    "a list that ends with a comma": lambda calls: f"[{', '.join(calls)},",
    "a list that is not opened": lambda calls: f"{', '.join(calls)}]",
    "a list": lambda calls: f"[{', '.join(calls)}]",
}
"""For each form, the function that makes an answer from its written calls."""

READING = "another reading"


@dataclass(frozen=True, slots=True)
class Loose:
    """The verdicts on the recorded calls in one form.

    Attributes:
        form: Name of the form, as in `FORMS`.
        named: Whether all arguments have their names.
        answers: Number of answers.
        apart: For each answer on which BFCL and Toolmark disagree: the model, the case, and the reason.
    """

    form: str
    named: bool
    answers: int
    apart: tuple[tuple[str, str, str], ...]


def written(call: Call, case: Case, *, named: bool) -> str:
    """Return a call in the syntax of Python.

    Without names, as many arguments as possible are written in the order of the schema. The others keep their names.
    """
    tool = None if named else offered_tool(call.name, case.toolbox, "dot_underscore")
    leading: list[str] = []
    for name in tool.parameters["properties"] if tool is not None else ():
        if name not in call.arguments:
            break
        leading.append(name)
    arguments = [repr(call.arguments[name]) for name in leading]
    arguments += [f"{name}={value!r}" for name, value in call.arguments.items() if name not in leading]
    return f"{call.name}({', '.join(arguments)})"


def loose_forms(recordings: Sequence[Path], bfcl: Path, cases: Mapping[str, Case]) -> list[Loose]:
    """Judge the decoded calls of all recordings in every form, with and without names of arguments."""
    answers: Counter[tuple[str, bool]] = Counter()
    apart: dict[tuple[str, bool], list[tuple[str, str, str]]] = {}
    dialect = Pythonic()
    for recording in recordings:
        rows = [row for row in lines(recording) if row["category"] != "irrelevance" and "official_decoded" in row]
        rows = [row for row in rows if decoded_calls(row)]
        rule = Official(bfcl, rows)
        for row in rows:
            case = cases[row["case"]]
            for named in (True, False):
                calls = [written(call, case, named=named) for call in decoded_calls(row)]
                for form, join in FORMS.items():
                    answers[form, named] += 1
                    ours = grade(case, Completion(join(calls)), dialect).correct_leniently
                    if ours is not row["official_valid"]:
                        found = reasons(partial(rule.verdict, row), ours)
                        reason = " and ".join(found) if found else READING
                        model = recording.name.partition(".jsonl")[0]
                        apart.setdefault((form, named), []).append((model, row["case"], reason))
    return [Loose(form, named, count, tuple(apart.get((form, named), ()))) for (form, named), count in answers.items()]


def loose_sections(page: Page, found: Sequence[Loose]) -> None:
    """Write the sections about bare calls and arguments without names."""
    page.section(
        "Bare calls and arguments without names",
        "This section compares the judges on calls in loose forms. No recorded model writes all of its calls in such "
        "forms. So a program writes the decoded calls of all recorded models in these forms, with Python's `repr` for "
        "the values. The lenient reading of the dialect `pythonic` then reads these texts. In the columns `without "
        "names`, as many arguments as possible have no names. BFCL's decoder drops arguments without names. So BFCL "
        "always judges the calls with names.",
        ["form", "answers", "disagreements", "agreement", "without names: disagreements", "agreement"],
        [
            [
                one.form,
                f"{one.answers:,}",
                str(len(one.apart)),
                _agreement(one),
                str(len(other.apart)),
                _agreement(other),
            ]
            for one in found
            if one.named
            for other in found
            if other.form == one.form and not other.named
        ],
    )
    least = min((1 - len(one.apart) / one.answers for one in found), default=1.0)
    page.held(
        least >= LENIENT,
        f"In each of these forms, the lenient reading must agree with BFCL's judge on at least {percent(LENIENT)} of "
        "the answers",
        f"{percent(least, 2)} in the worst form",
    )
    forms: Counter[tuple[str, str, str]] = Counter(difference for one in found for difference in one.apart)
    page.section(
        "Every disagreement about these forms",
        f"There are {len(found)} variants of the calls: each form with and without names. The column `forms` counts "
        f"the variants on which the judges disagree. The reasons are those of the table above. The reason `{READING}` "
        "means that the lenient reading found other calls or no call.",
        ["model", "case", "reason", "forms"],
        [[*difference, str(count)] for difference, count in sorted(forms.items())],
    )


def _agreement(one: Loose) -> str:
    return percent(1 - len(one.apart) / one.answers, 2)
