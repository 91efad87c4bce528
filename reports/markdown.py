"""The comparison as Markdown: its tables for a README, and a whole report for a pull request or a job's summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.benchmark.verdicts.flips import EVERYTHING
from toolmark.reports.fairness import fairness
from toolmark.reports.sentences import headline, sentences
from toolmark.reports.tables import cells, difference_cells
from toolmark.reports.text import visible
from toolmark.reports.writing import write

__all__ = ["Markdown"]

MOST_CASES = 20

MOST = 60_000
"""Characters: a comment at GitHub takes 65,536, the summary of a job's step 1 MiB."""

_CUT = "What did not fit here is in the HTML report."

_MARKS = {"improved": "✅", "regressed": "❌", "missing": "❌", "equivalent": "🟰", "inconclusive": "❔"}
_FAIR = {"bad": "❌", "warning": "⚠️"}


class Markdown:
    """Draws the primary metrics, one row each, and one table of differences a candidate with a baseline."""

    name = "markdown"
    suffixes: Sequence[str] = (".md",)

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write the report to `out`, or print it."""
        text = self.report(comparison)
        if out is None:
            print(text)  # noqa: T201
        else:
            write(out, text + "\n")

    def report(self, comparison: Comparison, most: int = MOST) -> str:
        """Verdicts, tables, what was unfair, causes, broken cases and provenance, in at most `most` characters.

        What does not fit is left out from its end, whole parts and then cases, and that is said.
        """
        parts = [*_verdicts(comparison), self.text(comparison), *_unfair(comparison), *_causes(comparison)]
        ending = _provenance(comparison)
        room = most - sum(len(part) + 2 for part in ending) - len(_CUT) - 2
        kept: list[str] = []
        for part in [*parts, *_broken(comparison)]:
            if len(part) + 2 > room:
                kept.append(_CUT)
                break
            kept.append(part)
            room -= len(part) + 2
        return "\n\n".join([*kept, *ending])

    def text(self, comparison: Comparison) -> str:
        """The tables, the scores first."""
        primary = [row for row in comparison.rows if row.level == "primary"]
        names = [text for column in comparison.columns for text in ("n", column.name, "95% interval")]
        scores = [
            [f"`{row.metric}`", row.meaning, *(text for figure in row.figures for text in cells(row, figure))]
            for row in primary
        ]
        tables = [_table(["metric", "what it says", *names], 2, scores)]
        for index, column in enumerate(comparison.columns):
            if column.baseline is not None:
                base = comparison.columns[column.baseline].name
                head = ["metric", f"{column.name} against {base}", "n", "points", "95% interval", "cases", "p"]
                held = [(row, row.differences[index]) for row in primary]
                drawn = [(row, difference_cells(found)) for row, found in held if found is not None]
                tables.append(_table(head, 2, [[f"`{row.metric}`", cell.verdict, *cell[:-1]] for row, cell in drawn]))
        return "\n\n".join(tables)


def _table(head: Sequence[str], left: int, rows: Sequence[Sequence[str]]) -> str:
    """A table whose first `left` columns are aligned to the left, and the others to the right."""
    align = ["---"] * left + ["--:"] * (len(head) - left)
    return "\n".join("| " + " | ".join(map(_escaped, line)) + " |" for line in [head, align, *rows])


def _escaped(cell: str) -> str:
    return visible(cell).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _quoted(text: str, most: int = 160) -> str:
    """Foreign text as a code span on one line: no markup, link or mention in it comes to life."""
    line = " ".join(visible(text).split()).replace("`", "ʼ")
    return f"`{line if len(line) <= most else line[: most - 1] + '…'}`" if line else "(nothing)"


def _verdicts(comparison: Comparison) -> Iterator[str]:
    for index, column in enumerate(comparison.columns):
        if column.baseline is not None:
            base = comparison.columns[column.baseline].name
            said = "\n".join(
                f"- {_MARKS[sentence.verdict]} **{sentence.label}** {_escaped(sentence.text)}"
                for sentence in sentences(comparison, index)
            )
            yield f"### {_quoted(column.name)} against {_quoted(base)}: {headline(comparison, index)}\n\n{said}"


def _unfair(comparison: Comparison) -> Iterator[str]:
    for index, column in enumerate(comparison.columns):
        wrong = [same for same in fairness(comparison, index) if same.state in ("bad", "warning")]
        if wrong:
            said = "\n".join(f"- {_FAIR[same.state]} {same.what}: {_quoted(same.text, 400)}" for same in wrong)
            yield f"What may be unfair about {_quoted(column.name)}:\n\n{said}"


def _causes(comparison: Comparison) -> Iterator[str]:
    if comparison.evidence is not None:
        rows = []
        for column in comparison.columns:
            ordered = sorted(column.causes.items(), key=lambda item: (-item[1], item[0]))
            causes = ", ".join(f"{cause.replace('_', ' ')} {count}" for cause, count in ordered)
            rows.append([column.name, causes or "none"])
        yield _table(["candidate", "causes of failure"], 2, rows)


def _broken(comparison: Comparison) -> Iterator[str]:
    """The cases that a candidate broke, one part each, so that as many are kept as fit."""
    evidence = comparison.evidence
    if evidence is None:
        return
    shown = {case.id: case for case in evidence.cases}
    for index, column in enumerate(comparison.columns):
        flip = evidence.flips_of(index, EVERYTHING.id)
        lost = [case_id for case_id, fate in flip.fates.items() if fate == "broken"] if flip else []
        if not lost:
            continue
        of = f"{len(lost)} cases" if len(lost) <= MOST_CASES else f"{len(lost)} cases, {MOST_CASES} of them here"
        yield f"Broken by {_quoted(column.name)}: {of}"
        for case in (shown[case_id] for case_id in lost[:MOST_CASES]):
            answer = case.answers[index]
            if answer is not None:
                why = f"{(answer.cause or '').replace('_', ' ')} {_quoted(answer.detail)}"
                yield f"- {_quoted(case.turns[-1].text)}: {why} ({_quoted(case.id)})"


def _provenance(comparison: Comparison) -> list[str]:
    whence = comparison.evidence.provenance if comparison.evidence else None
    if whence is None:
        return []
    made = f"Made {whence.made} by Toolmark {whence.version}, judge {whence.scorer}, case set {whence.case_set}; again:"
    return [f"{made} {_quoted(whence.command, 2_000)}"]
