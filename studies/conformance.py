"""Compare our verdicts with BFCL's own on recorded models; write docs/measurements/bfcl.md.

The program fails where a promise is broken. The page holds figures and case ids only: no question and no answer is
copied.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.official import POINTS, Switches, official, reasons
from studies.page import Page, percent
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Call, Case, Message
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.readers.bfcl import BfclReader
from toolmark.benchmark.readers.recordings import RecordedRow, recorded_rows
from toolmark.benchmark.scoring.grades import Grade, grade

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
OUT = ROOT / "docs" / "measurements" / "bfcl.md"

DECODED = 0.99
RAW = 0.97
"""Least agreement over all models together, on the calls as BFCL decoded them, and from the raw output alone."""

FORMAT = "format"
READ_HERE = "read only here"
READ_OTHERWISE = "read otherwise"
UNEXPLAINED = "unexplained"
RAW_REASONS = (FORMAT, READ_HERE, READ_OTHERWISE)

MEANINGS: Mapping[str, str] = {
    "integers in a list of numbers": "an integer is a number in a list too; BFCL widens it only where it stands alone",
    "best assignment": "parallel calls are matched by the assignment with the fewest faults, not one after another",
    "schema default": "an argument at its schema default is as good as left out, and the other way round",
    "whole float for an integer": "3.0 is an integer, as JSON Schema says",
    "spelling of names": "`.` and `_` in names are alike whatever the model was shown",
    "white-space and Unicode": "strings are compared after NFC and white-space",
    "own schema": "the arguments break a keyword of the tool's own schema (`enum`, a type); BFCL checks neither",
    "booleans are no numbers": "`true` is not 1 inside lists and objects",
    "empty list for none": "BFCL's list check takes an empty list where an argument may be left out",
    FORMAT: "the calls are right, the format is not: text after the last call, a stray code fence",
    READ_HERE: "BFCL's decoder fails on calls that our strict reading takes, and that are right",
    READ_OTHERWISE: "our strict reading finds other calls than BFCL's decoder, or none",
}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A recorded answer that is judged otherwise."""

    case: str
    official: bool
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """One model: rows that ask for a call, as decoded and from raw text, and those that ask for none."""

    model: str
    dialect: str
    decoded: int
    decoded_apart: tuple[Disagreement, ...]
    raw: int
    raw_apart: tuple[Disagreement, ...]
    rebuilt: int
    irrelevance: Mapping[tuple[bool, str], int]


def _lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def official_data(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Functions and possible answers by case, as BFCL writes them."""
    functions = {row["id"]: row["function"] for path in folder.glob("BFCL_*.json") for row in _lines(path)}
    answers = folder / "possible_answer"
    return functions, {row["id"]: row["ground_truth"] for path in answers.glob("*.json") for row in _lines(path)}


def decoded_calls(row: Mapping[str, Any]) -> tuple[Call, ...]:
    """The calls that BFCL decoded; none where what it decoded is no list of calls, which its checker refuses too."""
    decoded = row["official_decoded"]
    if not isinstance(decoded, list) or not all(isinstance(call, dict) for call in decoded):
        return ()
    calls = [(name, arguments) for call in decoded for name, arguments in call.items()]
    if not all(isinstance(arguments, dict) for _, arguments in calls):
        return ()
    return tuple(Call(name=name, arguments=arguments) for name, arguments in calls)


def as_completion(calls: Sequence[Call]) -> Completion:
    """Calls as a model would write them in plain JSON: the whole judge sees them, and no decoder is in the way."""
    turn = Message(role="assistant", tool_calls=tuple(calls))
    question = Message(role="user", content="?")
    return Completion(Json().render((question, turn), ()).messages[-1].content if calls else "")


class Official:
    """The official rule over a recording; whether its names are underscored is told by what rebuilds more of it."""

    def __init__(self, folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
        self._functions, self._truth = official_data(folder)
        self._underscored = max((False, True), key=lambda way: self.rebuilt(rows, way))

    def verdict(self, row: Mapping[str, Any], on: Switches = frozenset(), underscored: bool | None = None) -> bool:
        """What the rule says of the decoded calls of a row."""
        way = self._underscored if underscored is None else underscored
        case = row["case"]
        return official(self._functions[case], self._truth[case], row["official_decoded"], underscored=way, on=on)

    def rebuilt(self, rows: Sequence[Mapping[str, Any]], underscored: bool | None = None) -> int:
        """Rows whose recorded verdict the rule gives."""
        return sum(self.verdict(row, underscored=underscored) is row["official_valid"] for row in rows)


def judged(recording: Path, bfcl: Path, cases: Mapping[str, Case]) -> Judged:
    """Judge one recorded model both ways."""
    rows = _lines(recording)
    answers = [answer for answer in recorded_rows(recording) if isinstance(answer, RecordedRow)]
    dialect: Dialect = load("toolmark.dialects", str(answers[0].dialect))()
    asking = [row for row in rows if row["category"] != "irrelevance"]
    decoded = [row for row in asking if "official_decoded" in row]
    rule = Official(bfcl, decoded)
    from_decoded: list[Disagreement] = []
    from_raw: list[Disagreement] = []
    outcomes: Counter[tuple[bool, str]] = Counter()
    for row, answer in zip(rows, answers, strict=True):
        case = cases[row["case"]]
        graded = grade(case, answer.completion, dialect)
        if row["category"] == "irrelevance":
            outcomes[row["official_valid"], graded.outcome] += 1
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
    )


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


def write(found: Sequence[Judged]) -> Page:
    """The page."""
    page = Page(HEAD)
    totals = {
        "decoded": (sum(model.decoded for model in found), sum(len(model.decoded_apart) for model in found)),
        "raw": (sum(model.raw for model in found), sum(len(model.raw_apart) for model in found)),
    }
    page.section(
        "Agreement",
        "Rows that ask for a call. On the left the calls as BFCL decoded them, judged by our matcher; on the right the "
        "raw output alone, read by the strict parser of its dialect, and judged. A row that BFCL could not decode is "
        "wrong there, and stands on the right only.",
        ["model", "dialect", "decoded", "apart", "agreement", "raw", "apart", "agreement"],
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
            1 - apart / rows >= least, f"at least {percent(least, 0)} on {name} calls", percent(1 - apart / rows, 2)
        )
    known = {*POINTS, *RAW_REASONS}
    every = [(model, side, each) for model in found for side, all_of in _sides(model) for each in all_of]
    counts = Counter((part, side) for _, side, each in every for part in each.reason.split(" and "))
    page.section(
        "Why",
        "Every disagreement has a reason from this closed list. The first ones are points in which our rule differs "
        "from BFCL's: its checker is written anew as `studies/official.py`, each point a switch, and the reason is "
        "the smallest set of switches that turns its verdict into ours. One with two reasons counts in both.",
        ["reason", "decoded", "raw", "meaning"],
        [
            [reason, str(counts[reason, "decoded"]), str(counts[reason, "raw"]), meaning]
            for reason, meaning in MEANINGS.items()
        ],
    )
    without = [each for _, _, each in every if not set(each.reason.split(" and ")) <= known]
    page.held(not without, "every disagreement has a reason of the list", f"{len(without)} have none")
    decoded_rows = totals["decoded"][0]
    rebuilt = sum(model.rebuilt for model in found)
    page.held(
        rebuilt == decoded_rows,
        "the checker written anew gives every official verdict again",
        f"{rebuilt:,} of {decoded_rows:,}",
    )
    page.section(
        "Every disagreement",
        "By case. BFCL: its verdict; ours is the other. The detail is our cause or the reader's complaint.",
        ["model", "case", "from", "BFCL", "reason", "detail"],
        [
            [model.model, each.case, side, "right" if each.official else "wrong", each.reason, _cell(each.detail)]
            for model, side, each in every
        ],
    )
    page.section(
        "No call asked for: what the official credit is made of",
        "`irrelevance` asks for no call, and BFCL credits whatever its decoder cannot read as a call. Of that credit: "
        "an abstention is an answer in words; a call is one that can be read (leniently), although BFCL's decoder "
        "failed on it; malformed is an attempt that is no call, or a native call whose arguments are none. The last "
        "two are garbage, and count against a model here.",
        [
            "model",
            "rows",
            "credited",
            "abstained",
            "called",
            "malformed",
            "garbage",
            "credit withheld from an abstention",
        ],
        [_credit(model) for model in found],
    )
    return page


HEAD = """# The judge against BFCL's own verdicts

Written by `python -m studies.conformance` from recorded outputs of real models, which are not part of the project;
figures and case ids only. BFCL's rule is that of `bfcl_eval`'s AST checker. Where the two differ, the difference is a
rule of ours and stands below with its reason.
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


def measured(data: Path = DATA) -> list[Judged]:
    """All recordings, in order of their names."""
    cases = {case.source.ref: case for case in BfclReader().read(data / "bfcl") if isinstance(case, Case)}
    return [judged(path, data / "bfcl", cases) for path in sorted((data / "bfcl_recorded").glob("*.jsonl*"))]


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with bfcl/ and bfcl_recorded/")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    if not (arguments.data / "bfcl_recorded").is_dir():
        sys.stdout.write(f"no recordings in {arguments.data}: {arguments.out} stays as it is\n")
        return
    page = write(measured(arguments.data))
    arguments.out.write_text("\n".join(page.text), encoding="utf-8")
    for promise in page.broken:
        sys.stderr.write(f"not kept: {promise}\n")
    sys.exit(1 if page.broken else 0)


if __name__ == "__main__":
    main()
