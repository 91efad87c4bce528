"""Writes a comparison as Markdown.

The output is tables for a README, or a whole report for a pull request or the summary of a CI job.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.benchmark.verdicts.flips import EVERYTHING
from toolmark.reports.fairness import fairness
from toolmark.reports.sentences import Sentence, headline, sentences, timing_notes
from toolmark.reports.steps import steps
from toolmark.reports.tables import cells, difference_cells, recipe_cells
from toolmark.reports.text import visible
from toolmark.reports.writing import write

__all__ = ["Markdown"]

MOST_CASES = 20

MOST = 60_000
"""Largest number of characters of a report. GitHub's limit is 65,536 characters for a comment."""

_CUT = "The rest of the report does not fit here. The HTML report contains it."

_MARKS = {"improved": "✅", "regressed": "❌", "missing": "❌", "equivalent": "🟰", "inconclusive": "❔"}
_SINGLE = (
    "A check looks at these verdicts. Their intervals are for another training and other cases. *Between trainings* is "
    "the standard deviation between the trainings. The verdicts below are about single adapters."
)
_FAIR = {"bad": "❌", "warning": "⚠️"}


class Markdown:
    """Writes a report as Markdown."""

    name = "markdown"
    suffixes: Sequence[str] = (".md",)

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write the report to `out`, or print it."""
        write(out, self.report(comparison) + "\n")

    def report(self, comparison: Comparison, most: int = MOST) -> str:
        """Return a report: verdicts, tables, differing conditions, causes of failure, broken cases, and provenance.

        If the report is too long, the last parts before the provenance are left out. A line says that parts are
        missing.

        Args:
            comparison: The comparison.
            most: Largest number of characters of the report.
        """
        parts = [
            *_lost(comparison),
            *_recipes(comparison),
            *_verdicts(comparison),
            self.text(comparison),
            *_timing_notes(comparison),
            *_unfair(comparison),
            *_causes(comparison),
        ]
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
        """Return the table of the scores, and then one table of differences for each compared candidate."""
        names = [text for one in comparison.contestants for text in ("n", one.name, "95% interval")]
        scores = [
            [
                f"`{metric.id}`",
                metric.meaning,
                *(text for one in comparison.contestants for text in cells(one.figures[metric.id], metric.unit)),
            ]
            for metric in comparison.primary
        ]
        tables = [_table(["metric", "meaning", *names], 2, scores)]
        for contestant in comparison.compared:
            head = ["metric", f"{contestant.name} against {contestant.baseline}"]
            drawn = [(metric, difference_cells(one)) for metric, one in contestant.differences.items()]
            rows = [[f"`{metric}`", cell.verdict, *cell[:-1]] for metric, cell in drawn]
            tables.append(_table([*head, "n", "points", "95% interval", "cases", "p"], 2, rows))
        return "\n\n".join(tables)


def _table(head: Sequence[str], left: int, rows: Sequence[Sequence[str]]) -> str:
    """Return a table. The first `left` columns are aligned to the left. The other columns are aligned to the right."""
    align = ["---"] * left + ["--:"] * (len(head) - left)
    return "\n".join("| " + " | ".join(map(_escaped, line)) + " |" for line in [head, align, *rows])


def _escaped(cell: str) -> str:
    return visible(cell).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _quoted(text: str, most: int = 160) -> str:
    """Return text as a code span on one line. In a code span, markup, links and mentions have no effect."""
    line = " ".join(visible(text).split()).replace("`", "ʼ")
    return f"`{line if len(line) <= most else line[: most - 1] + '…'}`" if line else "(nothing)"


def _listed(found: Iterable[Sentence]) -> str:
    return "\n".join(f"- {_MARKS[one.verdict]} **{one.label}** {_escaped(one.text)}" for one in found)


def _verdicts(comparison: Comparison) -> Iterator[str]:
    for contestant in comparison.compared:
        lines = _listed(sentences(contestant))
        names = f"{_quoted(contestant.name)} against {_quoted(str(contestant.baseline))}"
        yield f"### {names}: {headline(contestant)}\n\n{lines}"


def _recipes(comparison: Comparison) -> Iterator[str]:
    """Yield the verdicts about recipes with several trainings."""
    head = ["metric", "verdict", "n", "points", "95% interval", "between trainings", "p"]
    for recipe in comparison.recipes:
        against = f"{_quoted(recipe.name)} over {len(recipe.trainings)} trainings, against {_quoted(recipe.baseline)}"
        drawn = [(metric, recipe_cells(one)) for metric, one in recipe.differences.items()]
        rows = [[f"`{metric}`", f"{_MARKS[cell.verdict]} {cell.verdict}", *cell[:-1]] for metric, cell in drawn]
        yield f"### This recipe: {against}: {headline(recipe)}\n\n{_table(head, 2, rows)}\n\n{_SINGLE}"


def _lost(comparison: Comparison) -> Iterator[str]:
    """Yield a table of the steps of a comparison, if its candidates are steps."""
    found = steps(comparison)
    if found is None:
        return
    metrics = [metric for metric in comparison.primary if found.start.figures[metric.id].n]
    rows = [["score", found.start.name, *(cells(found.start.figures[metric.id], metric.unit)[1] for metric in metrics)]]
    for what, one in [*(("change", one) for one in found.steps), ("sum of all changes", found.whole)]:
        changes = [one.differences[metric.id] for metric in metrics]
        texts = ("" if each.effect is None else f"{each.effect * 100:+.1f} {_MARKS[each.verdict]}" for each in changes)
        rows.append([what, one.name, *texts])
    yield f"### Where it was lost\n\n{_table(['', 'step', *(metric.id for metric in metrics)], 2, rows)}"


def _timing_notes(comparison: Comparison) -> Iterator[str]:
    notes = [f"- {_quoted(one.name)}: {_escaped(note)}" for one in comparison.contestants for note in timing_notes(one)]
    if notes:
        yield "\n".join(notes)


def _unfair(comparison: Comparison) -> Iterator[str]:
    for contestant in comparison.contestants:
        differing = [one for one in fairness(comparison, contestant) if one.state in ("bad", "warning")]
        if differing:
            lines = "\n".join(f"- {_FAIR[one.state]} {one.what}: {_quoted(one.text, 400)}" for one in differing)
            yield f"What can make the comparison of {_quoted(contestant.name)} unfair:\n\n{lines}"


def _causes(comparison: Comparison) -> Iterator[str]:
    if comparison.report is not None:
        rows = []
        for contestant in comparison.contestants:
            ordered = sorted(contestant.causes.items(), key=lambda item: (-item[1], item[0]))
            causes = ", ".join(f"{cause.label} {count}" for cause, count in ordered)
            cost = ", ".join(f"{mistake} {count}" for mistake, count in sorted(contestant.forgiven.items()))
            rows.append([contestant.name, causes or "none", cost or "nothing"])
        yield _table(["candidate", "causes of failure", "right only in the lenient reading, by mistake"], 3, rows)


def _broken(comparison: Comparison) -> Iterator[str]:
    """Yield the cases that the baseline answered right and the contestant answered wrong.

    Each case is a separate part of the report. If the report is too long, single cases are left out.
    """
    if comparison.report is None:
        return
    shown = {case.id: case for case in comparison.report.cases}
    for position, contestant in enumerate(comparison.contestants):
        flips = comparison.report.details[contestant.name].flips[EVERYTHING.id]
        lost = [case_id for case_id, fate in flips.fates.items() if fate == "broken"]
        if not lost:
            continue
        of = f"{len(lost)} cases" if len(lost) <= MOST_CASES else f"{len(lost)} cases, of which {MOST_CASES} are shown"
        yield f"Broken by {_quoted(contestant.name)}: {of}"
        for case in (shown[case_id] for case_id in lost[:MOST_CASES]):
            answer = case.answers[position]
            if answer is not None:
                why = f"{answer.cause.label if answer.cause else ''} {_quoted(answer.detail)}"
                yield f"- {_quoted(case.turns[-1].text)}: {why} ({_quoted(case.id)})"


def _provenance(comparison: Comparison) -> list[str]:
    origin = comparison.report.provenance if comparison.report else None
    if origin is None:
        return []
    made = f"Made {origin.made} by Toolmark {origin.version}, judge {origin.scorer}, case set {origin.case_set}."
    return [f"{made} This command makes the report again: {_quoted(origin.command, 2_000)}"]
