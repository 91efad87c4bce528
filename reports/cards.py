"""Writes results for the hub: the `model-index` of a model card, and the entries of an `.eval_results` file.

Both are built with classes of the hub library, because these classes check the values.
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
"""Toolmark writes the part of a card between these two lines. The rest of the card stays unchanged."""


def subject(comparison: Comparison) -> ContestantResult:
    """Return the contestant whose results are published.

    With a baseline, the only contestant that is compared with the baseline is returned. Without a baseline, the only
    contestant is returned.

    Raises:
        InputError: There is more than one contestant to choose from.
    """
    candidates = comparison.compared or comparison.contestants
    if len(candidates) != 1:
        raise InputError(
            f"a model card describes one model, but the report has {len(candidates)}",
            "Give one run, with or without a baseline: toolmark report RUN --baseline RUN --out FILE.card.md",
        )
    return candidates[0]


def _measured(comparison: Comparison, contestant: ContestantResult) -> list[tuple[MetricInfo, float]]:
    """Return each primary metric that has a score, with the score in percent, rounded to one decimal."""
    return [
        (metric, round(score * 100, 1))
        for metric in comparison.primary
        if (score := contestant.figures[metric.id].score) is not None
    ]


def _notes(contestant: ContestantResult, metric: MetricInfo) -> str:
    drawn = cells(contestant.figures[metric.id], metric.unit)
    notes = f"n {drawn.n}, 95% interval {drawn.interval}"
    difference = contestant.differences.get(metric.id)
    if difference is None or contestant.baseline is None:
        return notes
    shown = difference_cells(difference)
    return f"{notes}; against {visible(contestant.baseline)}: {shown.effect} points {shown.interval}, {shown.verdict}"


def eval_results(comparison: Comparison, contestant: ContestantResult) -> list[EvalResult]:
    """Return one result for each primary metric, for the `model-index` of a model card.

    Args:
        comparison: The comparison.
        contestant: The model whose results are published.
    """
    from huggingface_hub import EvalResult

    provenance = comparison.report.provenance if comparison.report else None
    return [
        EvalResult(
            task_type="text-generation",
            task_name="Tool calling",
            dataset_type=_DATASET_TYPE,
            dataset_name=f"Toolmark, {visible(provenance.cases)}" if provenance else "Toolmark",
            dataset_split=provenance.split if provenance else None,
            dataset_revision=provenance.case_set if provenance else None,
            metric_type=metric.id,
            metric_name=f"{metric.meaning} ({_notes(contestant, metric)})",
            metric_value=value,
        )
        for metric, value in _measured(comparison, contestant)
    ]


def eval_entries(comparison: Comparison, contestant: ContestantResult, dataset: str) -> list[EvalResultEntry]:
    """Return one entry for each primary metric, for an `.eval_results/*.yaml` file.

    Args:
        comparison: The comparison.
        contestant: The model whose results are published.
        dataset: Id of the benchmark's dataset on the hub, in the form ORG/NAME.

    Raises:
        InputError: `dataset` does not have the form ORG/NAME.
    """
    from huggingface_hub import EvalResultEntry

    if not is_repo_id(dataset):
        raise InputError(f"{dataset!r} is not the id of a dataset on the hub", "Write it as ORG/NAME.")
    provenance = comparison.report.provenance if comparison.report else None
    return [
        EvalResultEntry(
            dataset_id=dataset,
            task_id=metric.id,
            value=value,
            date=provenance.made if provenance else None,
            notes=_notes(contestant, metric),
        )
        for metric, value in _measured(comparison, contestant)
    ]


def card(comparison: Comparison, existing: str = "", base_model: str | None = None) -> str:
    """Return the text of a model card: the metadata with the results, and the report in Markdown.

    Args:
        comparison: Comparison of one model, with or without a baseline.
        existing: Text of the existing card. Earlier results of Toolmark are replaced. The rest is kept.
        base_model: Id of the base on the hub. With None, the base of the existing card is kept if its id has the form
            ORG/NAME.

    Raises:
        InputError: The comparison has several models, or the metadata of `existing` cannot be read.
    """
    from huggingface_hub import ModelCard, ModelCardData

    contestant = subject(comparison)
    name = visible(contestant.name).replace("\n", " ")
    try:
        metadata: Any = ModelCard(existing).data if existing else ModelCardData()
    except Exception:  # the type of a YAML error depends on the version of the hub library
        raise InputError(
            "the metadata of README.md cannot be read", "Correct the YAML between the --- lines of README.md."
        ) from None
    others = [result for result in metadata.eval_results or () if result.dataset_type != _DATASET_TYPE]
    metadata.model_name = metadata.model_name or name
    metadata.eval_results = [*others, *eval_results(comparison, contestant)]
    metadata.tags = list(dict.fromkeys([*(metadata.tags or ()), "tool-calling", "toolmark"]))
    metadata.base_model = base_model or (metadata.base_model if _is_id(metadata.base_model) else None)
    body = _METADATA.sub("", existing, count=1)
    ours = f"{_BEGIN}\n## Tool calling\n\n{Markdown().report(comparison)}\n{_END}"
    before, begin, rest = body.partition(_BEGIN)
    after = rest.partition(_END)[2] if begin else ""
    text = "\n\n".join(part for part in (before.strip(), ours, after.strip()) if part)
    return f"---\n{metadata.to_yaml()}\n---\n\n{text}\n"


def _is_id(name: object) -> bool:
    """Return whether `name` has the form ORG/NAME. Another name can be a path on the machine that trained the model."""
    return isinstance(name, str) and bool(_ID.fullmatch(name))


class Card:
    """Writes a model card with the results in its `model-index`."""

    name = "card"
    suffixes: Sequence[str] = (".card.md",)

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write the card to `out`, or print it."""
        text = card(comparison)
        write(out, text)
