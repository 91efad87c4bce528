"""The HTML renderer: a template, a style sheet, two scripts, and a policy that lets nothing else run.

The file loads nothing: no address is in its content-security policy, and every script and style is named there by its
hash. Model output reaches the page as escaped text or as JSON that the page's own script puts into text nodes.
"""

from __future__ import annotations

import base64
import hashlib
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
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.reports.html.explorer import BUDGET, chosen_cases, explorer, pages
from toolmark.reports.html.figures import drawings
from toolmark.reports.html.sections import SECTIONS, section_data
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
    """The style sheet of every page, with the colours of the causes of failure."""
    light, dark = (
        "".join(f"--cause-{cause}:{shade};" for cause, shade in shades)
        for shades in ([(one, one.light) for one in Cause], [(one, one.dark) for one in Cause])
    )
    return Markup(_text("report.css").replace("/*causes: light*/", light).replace("/*causes: dark*/", dark))  # noqa: S704 (the project's own file)


def environment() -> Environment:
    """Templates that escape everything, and show what is not seen."""
    made = Environment(
        loader=PackageLoader("toolmark.reports.html", "templates"),
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
    try:
        found = pkgutil.get_data("plotly", "package_data/plotly.min.js")
    except (ModuleNotFoundError, FileNotFoundError):
        found = None
    if found is None:
        raise EnvironmentFault(
            "an HTML page needs the script of the package plotly, which is not installed",
            "Install it: pip install 'toolmark[reports]'",
        )
    return found.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def unwanted_styles(plotly: str) -> list[str]:
    """Ids of style elements that a map of Plotly's adds when it is loaded, unless one of that id is there already."""
    return re.findall(r'getElementById\("(\w{64})"\)\)\{var \w=document\.createElement\("style"\)', plotly)


def _briefly_named(comparison: Comparison) -> Comparison:
    """With names cut to a length that may stand in the page a hundred times; they stay unique."""
    names = [contestant.name for contestant in comparison.contestants]
    cut = {
        name: name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}… ({names.index(name) + 1})"
        for name in names
    }
    if all(name == short for name, short in cut.items()):
        return comparison
    contestants = (
        replace(one, name=cut[one.name], baseline=None if one.baseline is None else cut[one.baseline])
        for one in comparison.contestants
    )
    report = comparison.report
    if report is not None:
        details = {cut[name]: detail for name, detail in report.details.items()}
        ranks = tuple(replace(rank, contestant=cut[rank.contestant]) for rank in report.ranks)
        report = replace(report, details=details, ranks=ranks)
    return replace(comparison, contestants=tuple(contestants), report=report)


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
        kept, rest = chosen_cases(comparison)
        names: list[str] = []
        for number, text in enumerate(pages(comparison, rest), start=1):
            names.append(f"cases-{number:03}.js")
            write(out.with_name(names[-1]), text)
        write(out, self._page(comparison, kept, names, plotly))

    def page(self, comparison: Comparison, budget: int = BUDGET) -> str:
        """The page as text, with at most `budget` bytes of cases."""
        return self._page(comparison, chosen_cases(comparison, budget)[0])

    def _page(self, comparison: Comparison, cases: Sequence[str], beside: Sequence[str] = (), plotly: str = "") -> str:
        """The page with these cases; others may lie in files beside it, and Plotly's script too."""
        comparison = _briefly_named(comparison)
        figures = drawings(comparison)
        specs = {figure.id: [spec for _, spec in figure.variants] for figure in figures}
        script, style, library = page_script(), sheet(), plotly_script()
        return (
            environment()
            .get_template("report.html.jinja")
            .render(
                sections=SECTIONS,
                comparison=comparison,
                report=comparison.report,
                policy=policy([script] if plotly else [library, script], [style], beside=bool(plotly or beside)),
                style=style,
                script=script,
                plotly="" if plotly else Markup(library),  # noqa: S704 (the library's)
                plotly_beside=plotly,
                data=Markup(script_json({"figures": specs})),  # noqa: S704 (escaped for a script element)
                explorer=Markup(script_json(explorer(comparison, beside))),  # noqa: S704 (escaped as well)
                cases=Markup(f"[{','.join(cases)}]"),  # noqa: S704 (each escaped for a script element)
                unwanted=unwanted_styles(library),
                drawings=figures,
                **section_data(comparison),
            )
        )
