"""The lines that describe an evaluation before it runs: its cases, and each candidate with its dialect and template."""

from __future__ import annotations

from collections.abc import Collection

from toolmark.benchmark.candidates.fingerprint import template_reads_clock
from toolmark.benchmark.candidates.recipes import Plan
from toolmark.benchmark.candidates.weights import base_on_this_machine
from toolmark.benchmark.config.template_clock import TEMPLATE_DATE
from toolmark.benchmark.evaluation.evaluate import Evaluation

__all__ = ["header_lines"]


def header_lines(evaluation: Evaluation, plans: Collection[Plan]) -> list[str]:
    """Return the lines that describe the cases and the candidates of an evaluation.

    Args:
        evaluation: The evaluation.
        plans: What will be done for those candidates that are made by a recipe.
    """
    request, cases, known = evaluation.request, evaluation.cases, evaluation.case_set
    of = f" of {known.available}" if len(cases) < known.available else ""
    sources = ", ".join(sorted({case.source.name for case in cases}))
    lines = [f"toolmark: {len(cases)}{of} {known.noun} ({request.split}; source: {sources}) from {request.cases}"]
    for contestant in evaluation.contestants:
        candidate = contestant.candidate
        file = f":{candidate.file}" if candidate.file else ""
        where = f"{candidate.kind} {candidate.base}{file}" + (f" + {candidate.adapter}" if candidate.adapter else "")
        dialect = f"dialect {contestant.dialect.name} ({contestant.dialect_reason})"
        template = [str(contestant.template_args)] if contestant.template_args.reason else []
        lines.append("; ".join([f"  {contestant.name}: {where}", dialect, *template]))
        base = base_on_this_machine(candidate)
        if base is not None and template_reads_clock(base):
            lines.append(f"  its chat template reads the clock, and always gets the date {TEMPLATE_DATE}")
        lines += [f"  {candidate.note}"] if candidate.note else []
        lines += [f"  {plan}" for plan in plans if str(plan.recipe) == candidate.adapter]
    return lines
