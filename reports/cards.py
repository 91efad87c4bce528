"""Results for a hub: the `model-index` of a model card, and the entries of an `.eval_results` file.

Both are built with the hub library's own classes, so that what they refuse is not written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hub import is_repo_id
from toolmark.benchmark.scoring.metrics import MetricInfo
from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult
from toolmark.reports.markdown import Markdown
from toolmark.reports.tables import cells, difference_cells
from toolmark.reports.text import visible
from toolmark.reports.writing import write

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, EvalResultEntry

__all__ = ["Card", "card", "eval_entries", "eval_results", "subject"]


_DATASET_TYPE = "toolmark"
_ID = re.compile(r"[\w.-]+/[\w.-]+")
_METADATA = re.compile(r"\A\s*---\n.*?\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_BEGIN, _END = "<!-- toolmark: results -->", "<!-- toolmark: end -->"
"""Between them our part of a card stands, and is written anew; all else is its author's."""


def subject(comparison: Comparison) -> ContestantResult:
    """The contestant that results are published of: the one with a baseline, or the only one.

    Raises:
        InputError: There are several.
    """
    found = comparison.compared or comparison.contestants
    if len(found) != 1:
        raise InputError(
            f"a model card is about one model, and {len(found)} are compared",
            "Name one run, and perhaps its --baseline.",
        )
    return found[0]


def _measured(comparison: Comparison, contestant: ContestantResult) -> list[tuple[MetricInfo, float]]:
    """Primary metrics that have a score, in percent with one decimal."""
    return [
        (metric, round(score * 100, 1))
        for metric in comparison.primary
        if (score := contestant.figures[metric.id].score) is not None
    ]


def _notes(contestant: ContestantResult, metric: MetricInfo) -> str:
    drawn = cells(contestant.figures[metric.id], metric.unit)
    notes = f"n {drawn.n}, 95% interval {drawn.interval}"
    found = contestant.differences.get(metric.id)
    if found is None or contestant.baseline is None:
        return notes
    shown = difference_cells(found)
    return f"{notes}; against {visible(contestant.baseline)}: {shown.effect} points {shown.interval}, {shown.verdict}"


def eval_results(comparison: Comparison, contestant: ContestantResult) -> list[EvalResult]:
    """One result a primary metric, for the `model-index` of a model card."""
    from huggingface_hub import EvalResult

    whence = comparison.report.provenance if comparison.report else None
    return [
        EvalResult(
            task_type="text-generation",
            task_name="Tool calling",
            dataset_type=_DATASET_TYPE,
            dataset_name=f"Toolmark, {visible(whence.cases)}" if whence else "Toolmark",
            dataset_split=whence.split if whence else None,
            dataset_revision=whence.case_set if whence else None,
            metric_type=metric.id,
            metric_name=f"{metric.meaning} ({_notes(contestant, metric)})",
            metric_value=value,
        )
        for metric, value in _measured(comparison, contestant)
    ]


def eval_entries(comparison: Comparison, contestant: ContestantResult, dataset: str) -> list[EvalResultEntry]:
    """One entry a primary metric, for an `.eval_results/*.yaml` file.

    Args:
        comparison: The comparison.
        contestant: The model.
        dataset: Id of the benchmark's dataset at the hub, ORG/NAME.

    Raises:
        InputError: `dataset` is no such id.
    """
    from huggingface_hub import EvalResultEntry

    if not is_repo_id(dataset):
        raise InputError(f"{dataset!r} is no dataset at the hub", "Name it as ORG/NAME.")
    whence = comparison.report.provenance if comparison.report else None
    return [
        EvalResultEntry(
            dataset_id=dataset,
            task_id=metric.id,
            value=value,
            date=whence.made if whence else None,
            notes=_notes(contestant, metric),
        )
        for metric, value in _measured(comparison, contestant)
    ]


def card(comparison: Comparison, existing: str = "", base_model: str | None = None) -> str:
    """A model card: its metadata with the results, and the report in Markdown.

    Args:
        comparison: Of one model, perhaps against a baseline.
        existing: The card so far. Its text, its metadata and the results of others stay; ours are written anew.
        base_model: Id of the base at the hub; without it, what the card names stays only where it is such an id.

    Raises:
        InputError: There are several models, or the metadata of `existing` cannot be read.
    """
    from huggingface_hub import ModelCard, ModelCardData

    contestant = subject(comparison)
    name = visible(contestant.name).replace("\n", " ")
    try:
        known: Any = ModelCard(existing).data if existing else ModelCardData()
    except Exception:  # of the YAML parser that the hub library chose
        raise InputError(
            "the metadata of README.md cannot be read", "Correct what stands between its --- lines."
        ) from None
    others = [result for result in known.eval_results or () if result.dataset_type != _DATASET_TYPE]
    known.model_name = known.model_name or name
    known.eval_results = [*others, *eval_results(comparison, contestant)]
    known.tags = list(dict.fromkeys([*(known.tags or ()), "tool-calling", "toolmark"]))
    known.base_model = base_model or (known.base_model if _is_id(known.base_model) else None)
    body = _METADATA.sub("", existing, count=1)
    ours = f"{_BEGIN}\n## Tool calling\n\n{Markdown().report(comparison)}\n{_END}"
    before, begin, rest = body.partition(_BEGIN)
    after = rest.partition(_END)[2] if begin else ""
    text = "\n\n".join(part for part in (before.strip(), ours, after.strip()) if part)
    return f"---\n{known.to_yaml()}\n---\n\n{text}\n"


def _is_id(name: object) -> bool:
    """An id at the hub, not a path of whoever trained on it."""
    return isinstance(name, str) and bool(_ID.fullmatch(name))


class Card:
    """Draws a model card with its `model-index`."""

    name = "card"
    suffixes: Sequence[str] = (".card.md",)

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write to `out`, or print."""
        text = card(comparison)
        if out is None:
            print(text)  # noqa: T201
        else:
            write(out, text)
