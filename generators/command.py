"""`toolmark generate GENERATOR --out DIR [options]`: one command for each registered generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App
from rich.console import Console

from benchmark.errors import EnvironmentFault
from benchmark.plugin_commands import checked, plugin_command, plugin_commands

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmark.cases import Toolbox

__all__ = ["app", "generate_command"]


def generate_command(generator: Any) -> Callable[..., None]:
    """A function whose parameters are those of every generation and the options of `generator`."""

    def generate(
        *, out: Path, seed: int = 0, tools: str | None = None, manifest: Path | None = None, options: Any = None
    ) -> None:
        from importlib.util import find_spec

        from generators.leakage import held_out, shipped_manifest
        from generators.pipeline import generate as run

        if find_spec("datasets") is None:
            raise EnvironmentFault(
                "writing a trace dataset needs the package 'datasets', which is not installed",
                "Install it: pip install 'toolmark[generate]'",
            )
        kept_out = held_out(manifest or shipped_manifest())
        report = run(generator, checked(generator.Options, options), seed, _toolbox(tools), out, kept_out)
        written = ", ".join(f"{count:,} {split}" for split, count in sorted(report.counts.items()))
        rejected = ", ".join(f"{count:,} {stage}" for stage, count in report.rejections.items() if count)
        console = Console(stderr=True)
        for line in (f"Wrote {out}: {written}.", f"Rejected of {report.proposed:,}: {rejected or 'none'}."):
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    return plugin_command(
        generate,
        generator,
        {
            "out": (Path, "Folder to write to; it must not hold anything yet."),
            "seed": (int, "Seed of everything that is drawn."),
            "tools": (
                str | None,
                "Tools to generate for: a tools.yaml, a Python file or a module. The catalog where it is not given.",
            ),
            "manifest": (
                Path | None,
                "MANIFEST.toml of held-out tools and test queries; that of the shipped cases where it is not given.",
            ),
        },
    )


def _toolbox(source: str | None) -> Toolbox:
    """The tools of `source`, or the catalog."""
    from benchmark.cases import Toolbox
    from benchmark.tools.catalog import catalog
    from benchmark.tools.toolboxes import read_source

    if source is None:
        return catalog()
    return Toolbox(name=Path(source).stem, tools=read_source(source).tools)


app = App(name="generate", help="Write a trace dataset: conversations to train on, and cases with their gold.")
__getattr__ = plugin_commands(app, "toolmark.generators", __name__, generate_command)
