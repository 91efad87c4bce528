"""Renders a report as an HTML page, from templates, a style sheet and two scripts.

The content-security policy of the page permits no address, so the page loads nothing from the network. Only scripts and
styles whose hashes are in the policy are permitted.

Output of models is either escaped text in the page, or JSON. The script of the page writes the strings of the JSON into
text nodes.
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
"""Plotly adds an empty style element, and then adds rules by script. The policy needs the hash of this empty text."""


_LONGEST_NAME = 200
_LONGEST = 4_000
"""Largest number of characters of a text from a model, a case or a record. A longer text is cut."""


def _shown(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return visible(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}… (cut: {len(value):,} characters)")


def _text(name: str) -> str:
    return files("toolmark.reports.html").joinpath(name).read_text(encoding="utf-8")


def sheet() -> Markup:
    """Return the style sheet of every page, with the colours of the causes of failure."""
    light, dark = (
        "".join(f"--cause-{cause}:{shade};" for cause, shade in shades)
        for shades in ([(one, one.light) for one in Cause], [(one, one.dark) for one in Cause])
    )
    return Markup(_text("report.css").replace("/*causes: light*/", light).replace("/*causes: dark*/", dark))  # noqa: S704 (the project's own file)


def environment() -> Environment:
    """Return the environment of the templates. Every value is escaped, and invisible characters are made visible."""
    made = Environment(
        loader=PackageLoader("toolmark.reports.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["percent"] = lambda share: f"{share * 100:.1f}"
    made.filters["place"] = lambda share: f"{min(max(share, 0.0), 1.0) * 100:.2f}%"
    return made


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(scripts: Sequence[str], styles: Sequence[str], *, beside: bool = False) -> str:
    """Return a content-security policy that permits these scripts and styles, and nothing else.

    Args:
        scripts: Texts of the inline scripts.
        styles: Texts of the inline styles.
        beside: Whether the page is also allowed to run script files from its own folder.
    """
    run = " ".join([*map(_hash, scripts), *(["'self'"] if beside else [])]) or "'none'"
    style = " ".join(map(_hash, [*styles, _EMPTY_STYLE]))
    return (
        f"default-src 'none'; script-src {run}; style-src {style}; style-src-attr 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def page_script() -> Markup:
    """Return the script of every page."""
    return Markup(_text("report.js"))  # noqa: S704 (the project's own file)


def plotly_script() -> str:
    """Return Plotly's script with line ends LF. An HTML parser changes other line ends, and then the hash is wrong.

    Raises:
        EnvironmentFault: The package plotly is not installed.
    """
    try:
        script = pkgutil.get_data("plotly", "package_data/plotly.min.js")
    except (ModuleNotFoundError, FileNotFoundError):
        script = None
    if script is None:
        raise EnvironmentFault(
            "an HTML page needs the script of the package plotly, which is not installed",
            "Install it: pip install 'toolmark[reports]'",
        )
    return script.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def unwanted_styles(plotly: str) -> list[str]:
    """Return the ids of the style elements that Plotly adds for maps.

    If a page already has elements with these ids, Plotly does not add its styles for maps.

    Args:
        plotly: Plotly's script.
    """
    return re.findall(r'getElementById\("(\w{64})"\)\)\{var \w=document\.createElement\("style"\)', plotly)


def _briefly_named(comparison: Comparison) -> Comparison:
    """Return the comparison with long names cut, because the page repeats each name many times. Names stay unique."""
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
    recipes = tuple(
        replace(one, trainings=tuple(cut[name] for name in one.trainings), baseline=cut[one.baseline])
        for one in comparison.recipes
    )
    return replace(comparison, contestants=tuple(contestants), report=report, recipes=recipes)


class Html:
    """Writes a report as one file that needs no network, or as a page with script files in the same folder."""

    name = "html"
    suffixes: Sequence[str] = (".html", ".htm")

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write the page to `out`, or print it."""
        page = self.page(comparison)
        write(out, page)

    def render_beside(self, comparison: Comparison, out: Path, plotly: str) -> None:
        """Write the page to `out`. Cases that do not fit into the page go to script files in the same folder.

        Args:
            comparison: The comparison.
            out: Path of the page.
            plotly: Address of Plotly's script, relative to the page.
        """
        kept, rest = chosen_cases(comparison)
        names: list[str] = []
        for number, text in enumerate(pages(comparison, rest), start=1):
            names.append(f"cases-{number:03}.js")
            write(out.with_name(names[-1]), text)
        write(out, self._page(comparison, kept, names, plotly))

    def page(self, comparison: Comparison, budget: int = BUDGET) -> str:
        """Return the page as text.

        Args:
            comparison: The comparison.
            budget: Largest number of bytes of cases in the page.
        """
        return self._page(comparison, chosen_cases(comparison, budget)[0])

    def _page(self, comparison: Comparison, cases: Sequence[str], beside: Sequence[str] = (), plotly: str = "") -> str:
        """Return the page with `cases`.

        Args:
            comparison: The comparison.
            cases: The cases in the page, as JSON.
            beside: Names of the script files with the other cases, in the folder of the page.
            plotly: Address of Plotly's script, relative to the page. If empty, the page contains the script.
        """
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
