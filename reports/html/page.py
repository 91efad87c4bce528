"""The HTML renderer: a template, a style sheet, two scripts, and a policy that lets nothing else run.

The file loads nothing: no address is in its content-security policy, and every script and style is named there by its
hash. Model output reaches the page as escaped text or as JSON that the page's own script puts into text nodes.
"""

from __future__ import annotations

import base64
import hashlib
import math
import pkgutil
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.verdicts.comparison import Column, Comparison
from toolmark.benchmark.verdicts.intervals import Interval
from toolmark.reports.fairness import Same, fairness
from toolmark.reports.html.explorer import BUDGET, chosen_cases, explorer, pages
from toolmark.reports.html.figures import drawings
from toolmark.reports.sentences import headline, label, sentences
from toolmark.reports.tables import cells, difference_cells
from toolmark.reports.text import script_json, visible
from toolmark.reports.writing import write

__all__ = ["Html", "environment", "page_script", "plotly_script", "policy", "sheet", "unwanted_styles"]

_EMPTY_STYLE = ""
"""Plotly adds a style element without text, and then rules to it by script."""


_LONGEST_NAME = 200
_LONGEST = 4_000
"""Characters of any text of others in the page; names, commands and records may be of any length."""


def _seen(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return visible(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}… (cut: {len(value):,} characters)")


def _text(name: str) -> str:
    return files("toolmark.reports.html").joinpath(name).read_text(encoding="utf-8")


def sheet() -> Markup:
    """The style sheet of every page."""
    return Markup(_text("report.css"))  # noqa: S704 (the project's own file)


def environment() -> Environment:
    """Templates that escape everything, and show what is not seen."""
    made = Environment(
        loader=PackageLoader("toolmark.reports.html", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["percent"] = lambda share: f"{share * 100:.1f}"
    made.filters["place"] = lambda share: f"{min(max(share, 0.0), 1.0) * 100:.2f}%"
    return made


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(scripts: Sequence[str], styles: Sequence[str], *, beside: bool = False) -> str:
    """A content-security policy that runs these scripts and styles and loads nothing.

    Args:
        scripts: Texts of the inline scripts.
        styles: Texts of the inline styles.
        beside: Script files beside the page may run too.
    """
    run = " ".join([*map(_hash, scripts), *(["'self'"] if beside else [])]) or "'none'"
    dressed = " ".join(map(_hash, [*styles, _EMPTY_STYLE]))
    return (
        f"default-src 'none'; script-src {run}; style-src {dressed}; style-src-attr 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def page_script() -> Markup:
    """The script of every page."""
    return Markup(_text("report.js"))  # noqa: S704 (the project's own file)


def plotly_script() -> str:
    """Plotly's script, with line ends that a parser of HTML leaves as they are."""
    found = pkgutil.get_data("plotly", "package_data/plotly.min.js")
    if found is None:
        raise EnvironmentFault("the installed plotly has no plotly.min.js", "Install it again: pip install plotly")
    return found.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def unwanted_styles(plotly: str) -> list[str]:
    """Ids of style elements that a map of Plotly's adds when it is loaded, unless one of that id is there already."""
    return re.findall(r'getElementById\("(\w{64})"\)\)\{var \w=document\.createElement\("style"\)', plotly)


def _ends(interval: Interval, low: float, high: float) -> tuple[float, float]:
    return max(interval.low, low) if math.isfinite(interval.low) else low, (
        min(interval.high, high) if math.isfinite(interval.high) else high
    )


def _table(comparison: Comparison) -> list[dict[str, Any]]:
    """The primary metrics with one line a candidate, ready to be written."""
    held = [d for row in comparison.rows for d in row.differences if d is not None and d.interval is not None]
    widest = max((max(map(abs, _ends(d.interval, -1, 1))) for d in held if d.interval), default=1.0) or 1.0
    policies = comparison.evidence.policies if comparison.evidence else ()
    blocks = []
    for row in comparison.rows:
        if row.level != "primary":
            continue
        lines = []
        for index, (column, figure) in enumerate(zip(comparison.columns, row.figures, strict=True)):
            difference = row.differences[index] if row.differences else None
            bar = None
            if difference is not None and difference.effect is not None and difference.interval is not None:
                low, high = _ends(difference.interval, -1, 1)
                bar = [0.5 + value / widest / 2 for value in (low, high, difference.effect)]
            lines.append(
                {
                    "index": index,
                    "name": column.name,
                    "score": cells(row, figure),
                    "bar": None
                    if figure.score is None or figure.interval is None
                    else [*_ends(figure.interval, 0, 1), figure.score],
                    "difference": difference_cells(difference) if difference else None,
                    "verdict": difference.verdict if difference else "",
                    "ties": difference.ties if difference else 0,
                    "alone": (difference.only_base, difference.only_candidate) if difference else (0, 0),
                    "smallest": difference.smallest if difference else None,
                    "difference_bar": bar,
                }
            )
        trivial = [(p.name, p.meaning, p.scores[row.metric]) for p in policies if row.metric in p.scores]
        blocks.append(
            {
                "metric": row.metric,
                "label": label(row.metric),
                "meaning": row.meaning,
                "lines": lines,
                "policies": trivial,
            }
        )
    return blocks


def _secondary(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {"metric": row.metric, "meaning": row.meaning, "unit": row.unit, "cells": [cells(row, f) for f in row.figures]}
        for row in comparison.rows
        if row.level != "primary" and any(figure.n for figure in row.figures)
    ]


def _briefly_named(comparison: Comparison) -> Comparison:
    """Names stand in the page a hundred times."""
    columns = (
        column if len(column.name) <= _LONGEST_NAME else replace(column, name=f"{column.name[:_LONGEST_NAME]}…")
        for column in comparison.columns
    )
    return replace(comparison, columns=tuple(columns))


def _strips(comparison: Comparison) -> list[tuple[int, Column, list[Same]]]:
    """Of every column that has a baseline, or something that is not proven."""
    every = [(index, column, fairness(comparison, index)) for index, column in enumerate(comparison.columns)]
    return [
        (index, column, strip)
        for index, column, strip in every
        if column.baseline is not None or any(same.state != "ok" for same in strip)
    ]


def _ranks(comparison: Comparison) -> list[tuple[str, list[tuple[str, str]]]]:
    ranks = comparison.evidence.ranks if comparison.evidence else ()
    by_metric: dict[str, list[tuple[str, str]]] = {}
    for rank in ranks:
        place = str(rank.first) if rank.first == rank.last else f"{rank.first}–{rank.last}"
        by_metric.setdefault(rank.metric, []).append((place, comparison.columns[rank.column].name))
    return [(label(metric), places) for metric, places in by_metric.items()]


def _flat(fields: Any, prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in fields.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", "none" if value is None else str(value)))
    return found


class Html:
    """Draws everything into one file that needs no network, or into a page with its cases beside it."""

    name = "html"
    suffixes: Sequence[str] = (".html", ".htm")

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write the page to `out`, or print it."""
        page = self.page(comparison)
        if out is None:
            print(page)  # noqa: T201
        else:
            write(out, page)

    def render_beside(self, comparison: Comparison, out: Path, plotly: str) -> None:
        """Write the page to `out` and the cases that do not fit it into script files beside it.

        Args:
            comparison: What is drawn.
            out: The page.
            plotly: Where Plotly's script lies, from the page.
        """
        kept, rest = chosen_cases(comparison.evidence)
        names: list[str] = []
        for number, text in enumerate(pages(comparison.evidence, rest), start=1):
            names.append(f"cases-{number:03}.js")
            write(out.with_name(names[-1]), text)
        write(out, self._page(comparison, kept, names, plotly))

    def page(self, comparison: Comparison, budget: int = BUDGET) -> str:
        """The page as text, with at most `budget` bytes of cases."""
        return self._page(comparison, chosen_cases(comparison.evidence, budget)[0])

    def _page(self, comparison: Comparison, cases: Sequence[str], beside: Sequence[str] = (), plotly: str = "") -> str:
        """The page with these cases; others may lie in files beside it, and Plotly's script too."""
        comparison = _briefly_named(comparison)
        evidence = comparison.evidence
        drawn = drawings(comparison)
        table = _table(comparison)
        held = [index for index, column in enumerate(comparison.columns) if column.baseline is not None]
        script, style, library = page_script(), sheet(), plotly_script()
        return (
            environment()
            .get_template("report.html.jinja")
            .render(
                comparison=comparison,
                evidence=evidence,
                policy=policy([script] if plotly else [library, script], [style], beside=bool(plotly or beside)),
                style=style,
                script=script,
                plotly="" if plotly else Markup(library),  # noqa: S704 (the library's)
                plotly_beside=plotly,
                data=Markup(  # noqa: S704 (escaped for a script element)
                    script_json({"figures": {figure.id: [spec for _, spec in figure.variants] for figure in drawn}})
                ),
                explorer=Markup(script_json(explorer(comparison, evidence, beside)) if evidence else "null"),  # noqa: S704
                cases=Markup(f"[{','.join(cases)}]"),  # noqa: S704 (each escaped for a script element)
                unwanted=unwanted_styles(library),
                drawings=drawn,
                held=[
                    {
                        "index": index,
                        "column": comparison.columns[index],
                        "base": comparison.columns[comparison.columns[index].baseline or 0],
                        "headline": headline(comparison, index),
                        "sentences": sentences(comparison, index),
                        "bars": {block["metric"]: block["lines"][index]["difference_bar"] for block in table},
                    }
                    for index in held
                ],
                strips=_strips(comparison),
                table=table,
                secondary=_secondary(comparison),
                ranks=_ranks(comparison),
                provenance=[
                    (column, [*_flat(column.identity)], [*_flat(column.environment)]) for column in comparison.columns
                ],
            )
        )
