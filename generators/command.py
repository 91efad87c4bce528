"""`toolmark generate GENERATOR --out DIR [options]`: one command for each registered generator.

The commands are made from the entry points of the group `toolmark.generators`. Listing them needs their names alone; a
generator is imported when its own command is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console

from benchmark.errors import EnvironmentFault
from benchmark.options import checked, flags
from benchmark.registry import load, names

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmark.cases import Toolbox

__all__ = ["app", "generate_command"]

app = App(name="generate", help="Write a trace dataset: conversations to train on, and cases with their gold.")
for _name in names("toolmark.generators"):
    app.command(f"{__name__}:{_name}", name=_name, help=f"Generate with the generator {_name}.")


def __getattr__(name: str) -> Callable[..., None]:
    """The command of the generator `name`, made when it is first asked for."""
    if name not in names("toolmark.generators"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return generate_command(name)


def generate_command(name: str) -> Callable[..., None]:
    """A function whose parameters are those of every generation and the options of the generator `name`.

    Raises:
        EnvironmentFault: The generator needs a package that is not installed.
    """
    plugin = load("toolmark.generators", name)
    generator = plugin() if isinstance(plugin, type) else plugin

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

    generate.__name__ = name
    generate.__doc__ = f"""{(generator.__doc__ or name).strip().splitlines()[0]}

    Parameters
    ----------
    out:
        Folder to write to; it must not hold anything yet.
    seed:
        Seed of everything that is drawn.
    tools:
        Tools to generate for: a tools.yaml, a Python file or a module. The catalog where it is not given.
    manifest:
        MANIFEST.toml that names held-out tools and test queries; that of the shipped cases where it is not given.
    """
    generate.__annotations__ = {
        "out": Path,
        "seed": int,
        "tools": str | None,
        "manifest": Path | None,
        "options": Annotated[flags(generator.Options), Parameter(name="*")],
        "return": None,
    }
    return generate


def _toolbox(source: str | None) -> Toolbox:
    """The tools of `source`, or the catalog."""
    from benchmark.cases import Toolbox
    from benchmark.tools.catalog import catalog
    from benchmark.tools.toolboxes import read_source

    if source is None:
        return catalog()
    return Toolbox(name=Path(source).stem, tools=read_source(source).tools)
