"""Compares our verdicts with BFCL's verdicts on recorded answers, and writes docs/measurements/bfcl.md.

The program fails if a target is missed. The page contains only figures and case ids, because the questions and answers
must not be copied.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.live_cases import LiveFile, live_files, live_sections
from studies.loose_forms import Loose, loose_forms, loose_sections
from studies.official import POINTS, reasons
from studies.page import Page, percent
from studies.recorded_verdicts import Official, as_completion, decoded_calls, lines
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.readers.bfcl import BfclReader
from toolmark.benchmark.readers.recorded_answers import RecordedRow, recorded_rows
from toolmark.benchmark.scoring.grades import Grade, grade

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
OUT = ROOT / "docs" / "measurements" / "bfcl.md"

DECODED = 0.99
RAW = 0.985
"""Targets for the agreement over all models: on the calls that BFCL decoded, and on the raw output."""

FORMAT = "format"
READ_HERE = "parsed only by Toolmark"
READ_OTHERWISE = "parsed differently"
UNEXPLAINED = "unexplained"
RAW_REASONS = (FORMAT, READ_HERE, READ_OTHERWISE)

MEANINGS: Mapping[str, str] = {
    "integers in a list of numbers": "an integer inside a list counts as a number; BFCL accepts it only outside lists",
    "best assignment": "parallel calls get the assignment with the fewest faults; BFCL takes the first call that fits",
    "schema default": "giving an argument its default value is the same as leaving the argument out",
    "whole float for an integer": "3.0 counts as an integer, as in JSON Schema, also inside lists",
    "spelling of names": "in names of tools, `.` and `_` are equal",
    "white-space and Unicode": "strings are compared after Unicode NFC; differences in white-space do not count",
    "own schema": "the arguments do not fit the schema of the tool, for example an `enum`; BFCL has no such check",
    "booleans are no numbers": "inside lists and objects, `true` is not equal to 1",
    "empty list for none": "BFCL accepts an empty list for an optional argument; our judge does not",
    "empty string for none": "BFCL accepts an empty string for an optional key of an object; our judge does not",
    FORMAT: "the calls are right, but the format is wrong, for example a code fence or text after the last call",
    READ_HERE: "our strict parser finds the right calls, but BFCL's decoder fails",
    READ_OTHERWISE: "our strict parser finds other calls than BFCL's decoder, or no call",
}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A recorded answer for which our verdict differs from BFCL's verdict."""

    case: str
    official: bool
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdicts on the answers of one model.

    Attributes:
        model: Name of the model.
        dialect: Name of the dialect.
        decoded: Number of answers to questions that need a call. Only answers that BFCL can decode are counted.
        decoded_apart: The decoded answers on which BFCL and Toolmark disagree.
        raw: Number of all answers to questions that need a call.
        raw_apart: The answers whose raw text gets different verdicts from BFCL and Toolmark.
        rebuilt: Number of decoded answers for which our own program with BFCL's rules gives BFCL's verdict.
        irrelevance: Number of answers to questions that need no call, for each pair of BFCL's verdict and Toolmark's
            outcome.
        attempts: Of the answers to questions that need no call: those that are right for BFCL, but in which Toolmark
            finds an attempt to call. Each is a triple of the case, the outcome, and what Toolmark found.
    """

    model: str
    dialect: str
    decoded: int
    decoded_apart: tuple[Disagreement, ...]
    raw: int
    raw_apart: tuple[Disagreement, ...]
    rebuilt: int
    irrelevance: Mapping[tuple[bool, str], int]
    attempts: tuple[tuple[str, str, str], ...]


def judged(recording: Path, bfcl: Path, cases: Mapping[str, Case]) -> Judged:
    """Judge the decoded calls and the raw texts of one recorded model."""
    rows = lines(recording)
    answers = [answer for answer in recorded_rows(recording) if isinstance(answer, RecordedRow)]
    dialect: Dialect = load("toolmark.dialects", str(answers[0].dialect))()
    asking = [row for row in rows if row["category"] != "irrelevance"]
    decoded = [row for row in asking if "official_decoded" in row]
    rule = Official(bfcl, decoded)
    from_decoded: list[Disagreement] = []
    from_raw: list[Disagreement] = []
    outcomes: Counter[tuple[bool, str]] = Counter()
    attempts: list[tuple[str, str, str]] = []
    for row, answer in zip(rows, answers, strict=True):
        case = cases[row["case"]]
        graded = grade(case, answer.completion, dialect)
        if row["category"] == "irrelevance":
            outcomes[row["official_valid"], graded.outcome] += 1
            if row["official_valid"] and graded.outcome != "abstain":
                attempts.append((row["case"], graded.outcome, _attempt(graded, case)))
            continue
        if "official_decoded" in row:
            plain = grade(case, as_completion(decoded_calls(row)), Json())
            if plain.correct is not row["official_valid"]:
                from_decoded.append(_matched(row, plain, rule))
        if graded.correct is not row["official_valid"]:
            from_raw.append(_read(row, graded, answer.completion, dialect, rule))
    return Judged(
        recording.name.partition(".jsonl")[0],
        dialect.name,
        len(decoded),
        tuple(from_decoded),
        len(asking),
        tuple(from_raw),
        rule.rebuilt(decoded),
        outcomes,
        tuple(attempts),
    )


def _attempt(graded: Grade, case: Case) -> str:
    """Return what an answer that should contain no call contains: the calls, or the cause of failure."""
    if graded.outcome == "call":
        offered = sum(name in case.toolbox.by_name for name in graded.called)
        return f"calls: {len(graded.called)}, of offered tools: {offered}"
    return f"{graded.cause}: {graded.detail}"


def _matched(row: Mapping[str, Any], graded: Grade, rule: Official) -> Disagreement:
    found = reasons(lambda on: rule.verdict(row, on), graded.correct)
    detail = graded.cause or ""
    return Disagreement(row["case"], row["official_valid"], " and ".join(found) if found else UNEXPLAINED, detail)


def _read(
    row: Mapping[str, Any], graded: Grade, completion: Completion, dialect: Dialect, rule: Official
) -> Disagreement:
    strict = dialect.parse(completion, strict=True)
    if "official_decoded" not in row:
        reason = READ_HERE if graded.correct and not row["official_valid"] else UNEXPLAINED
        return Disagreement(row["case"], row["official_valid"], reason, row.get("official_decode_error") or "")
    if graded.cause == "format":
        return Disagreement(row["case"], row["official_valid"], FORMAT, strict.error or "")
    if strict.error is not None or strict.calls != decoded_calls(row):
        return Disagreement(row["case"], row["official_valid"], READ_OTHERWISE, strict.error or "")
    return _matched(row, graded, rule)


def write(found: Sequence[Judged], loose: Sequence[Loose], live: Sequence[LiveFile] = ()) -> Page:
    """Return the page with all sections."""
    page = Page(HEAD)
    totals = {
        "decoded": (sum(model.decoded for model in found), sum(len(model.decoded_apart) for model in found)),
        "raw": (sum(model.raw for model in found), sum(len(model.raw_apart) for model in found)),
    }
    page.section(
        "Agreement",
        "Each recorded answer belongs to a question that needs a call. The judges are compared twice:\n\n"
        "- **decoded**: BFCL's decoder finds the calls in the answer. Both judges get these calls. Answers without a "
        "decoded call are left out.\n"
        "- **raw**: Toolmark's judge gets the text of the answer, and finds the calls itself. Only the exact form of "
        "the model's dialect is accepted (the strict reading).\n\n"
        "The column `decoded` counts the answers of the first comparison. The column `raw` counts the answers of the "
        "second.",
        ["model", "dialect", "decoded", "disagreements", "agreement", "raw", "disagreements", "agreement"],
        [
            *(
                [
                    model.model,
                    model.dialect,
                    *_share(model.decoded, len(model.decoded_apart)),
                    *_share(model.raw, len(model.raw_apart)),
                ]
                for model in found
            ),
            ["all", "", *_share(*totals["decoded"]), *_share(*totals["raw"])],
        ],
    )
    for name, least in (("decoded", DECODED), ("raw", RAW)):
        rows, apart = totals[name]
        page.held(
            1 - apart / rows >= least,
            f"Our judge must agree with BFCL's judge on at least {percent(least)} of the {name} answers",
            percent(1 - apart / rows, 2),
        )
    known = {*POINTS, *RAW_REASONS}
    every = [(model, side, each) for model in found for side, all_of in _sides(model) for each in all_of]
    counts = Counter((part, side) for _, side, each in every for part in each.reason.split(" and "))
    page.section(
        "Reasons for the disagreements",
        "The table shows why the judges disagree. The first ten reasons are rules that differ between Toolmark and "
        "BFCL. The reason for a disagreement is found with `studies/official.py`, a second implementation of BFCL's "
        "judge. In this program, single rules of BFCL can be replaced by Toolmark's rules. The reason is the smallest "
        "set of replaced rules with which the program decides like our judge. If the set has two rules, the "
        "disagreement counts in two rows of the table.",
        ["reason", "decoded", "raw", "meaning"],
        [
            [reason, str(counts[reason, "decoded"]), str(counts[reason, "raw"]), meaning]
            for reason, meaning in MEANINGS.items()
        ],
    )
    without = [each for _, _, each in every if not set(each.reason.split(" and ")) <= known]
    page.held(
        not without,
        "Every disagreement must have one of these reasons",
        f"{len(without)} disagreements without a reason",
    )
    decoded_rows = totals["decoded"][0]
    rebuilt = sum(model.rebuilt for model in found)
    page.held(
        rebuilt == decoded_rows,
        "Without a replaced rule, `studies/official.py` must decide like BFCL's judge on every decoded answer",
        f"{rebuilt:,} of {decoded_rows:,} answers",
    )
    page.section(
        "Every disagreement",
        "Each row is one answer on which the judges disagree. The column `from` shows the comparison, `decoded` or "
        "`raw`. The column `BFCL` shows the decision of BFCL's judge. Our judge decided the opposite. If our judge "
        "refused the answer, the column `detail` shows why.",
        ["model", "case", "from", "BFCL", "reason", "detail"],
        [
            [model.model, each.case, side, "right" if each.official else "wrong", each.reason, _cell(each.detail)]
            for model, side, each in every
        ],
    )
    page.section(
        "Cases in which no call is right",
        "In the cases of BFCL's category `irrelevance`, the model should not call a tool. BFCL counts an answer as "
        "right if BFCL's decoder finds no call. The column `right for BFCL` counts these answers. Toolmark divides "
        "these answers into three groups:\n\n"
        "- **abstained**: answers in words\n"
        "- **called**: calls that our parser can read, although BFCL's decoder failed\n"
        "- **malformed**: failed attempts at a call, and native calls with invalid arguments\n\n"
        "The column `not abstentions` is the sum of the last two groups. In both groups, the model tried to call a "
        "tool. So our judge counts these answers as wrong.",
        [
            "model",
            "rows",
            "right for BFCL",
            "abstained",
            "called",
            "malformed",
            "not abstentions",
            "abstentions that are wrong for BFCL",
        ],
        [_credit(model) for model in found],
    )
    page.section(
        "Attempts to call that are right for BFCL",
        "Each row is one answer of the groups `called` and `malformed` in the table above.",
        ["model", "case", "outcome", "what Toolmark found"],
        [[model.model, case, outcome, _cell(what)] for model in found for case, outcome, what in model.attempts],
    )
    loose_sections(page, loose)
    if live:
        live_sections(page, live)
    return page


HEAD = """# Toolmark's judge compared with BFCL's judge

Written by `python -m studies.conformance`. BFCL is a public benchmark of tool calls. Toolmark and BFCL each have a
judge: a program that decides whether the answer of a model is right. BFCL's judge is the AST checker in the package
`bfcl_eval`. This page compares both judges on recorded answers of real models, and gives the reason for each
difference. The page contains only figures and case ids, because the recordings are not part of the project.
"""


def _sides(model: Judged) -> tuple[tuple[str, tuple[Disagreement, ...]], ...]:
    return (("decoded", model.decoded_apart), ("raw", model.raw_apart))


def _share(rows: int, apart: int) -> tuple[str, str, str]:
    return f"{rows:,}", str(apart), percent(1 - apart / rows, 2) if rows else "n/a"


def _credit(model: Judged) -> list[str]:
    credited = {outcome: model.irrelevance.get((True, outcome), 0) for outcome in ("abstain", "call", "malformed")}
    total = sum(credited.values())
    garbage = credited["call"] + credited["malformed"]
    return [
        model.model,
        str(sum(model.irrelevance.values())),
        str(total),
        *(str(credited[outcome]) for outcome in ("abstain", "call", "malformed")),
        f"{garbage} ({percent(garbage / total) if total else 'n/a'})",
        str(model.irrelevance.get((False, "abstain"), 0)),
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:100]


def measured(data: Path = DATA) -> tuple[list[Judged], list[Loose]]:
    """Return the verdicts on all recordings, in the order of their names, and on their calls in loose forms."""
    cases = {case.source.ref: case for case in BfclReader().read(data / "bfcl") if isinstance(case, Case)}
    recordings = sorted((data / "bfcl_recorded").glob("*.jsonl*"))
    found = [judged(path, data / "bfcl", cases) for path in recordings]
    return found, loose_forms(recordings, data / "bfcl", cases)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with bfcl/ and bfcl_recorded/")
    parser.add_argument("--live", type=Path, default=DATA / "bfcl_live", help="folder bfcl_eval/data of bfcl-eval")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    if not (arguments.data / "bfcl_recorded").is_dir():
        sys.stdout.write(f"there are no recordings in {arguments.data}, so {arguments.out} was not changed\n")
        return
    live = live_files(arguments.live)
    if not live:
        sys.stdout.write(
            f"there are no live cases in {arguments.live}, so {arguments.out} was not changed. Unpack the package "
            "bfcl-eval (pip download --no-deps bfcl-eval) and give its folder bfcl_eval/data with --live.\n"
        )
        return
    page = write(*measured(arguments.data), live)
    page.finish(arguments.out)


if __name__ == "__main__":
    main()
