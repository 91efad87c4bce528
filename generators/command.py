"""`toolmark generate GENERATOR --out DIR [options]`: one command for each registered generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App
from rich.console import Console

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.plugins.commands import checked, plugin_command, plugin_commands
from toolmark.benchmark.scoring.execution import Execute

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolmark.benchmark.data.cases import Toolbox
    from toolmark.benchmark.tools.sources.lint import ToolFault

__all__ = ["app", "generate_command"]


def generate_command(generator: Any) -> Callable[..., None]:
    """A function whose parameters are those of every generation and the options of `generator`."""

    def generate(
        *,
        out: Path,
        seed: int = 0,
        tools: str | None = None,
        execute: Execute = "pure",
        manifest: Path | None = None,
        push: str | None = None,
        options: Any = None,
    ) -> None:
        from importlib.util import find_spec

        from toolmark.benchmark.data.held_out import held_out, shipped_manifest
        from toolmark.generators.execution import announcement
        from toolmark.generators.pipeline import generate as run
        from toolmark.generators.publishing import check_push
        from toolmark.generators.publishing import push as pushed

        if find_spec("datasets") is None:
            raise EnvironmentFault(
                "writing a trace dataset needs the package 'datasets', which is not installed",
                "Install it: pip install 'toolmark[generate]'",
            )
        if push is not None:
            check_push(push, out, "--push")
        kept_out = held_out(manifest or shipped_manifest())
        chosen = checked(generator.Options, options)
        toolbox, warnings = _toolbox(tools)
        console = Console(stderr=True)

        def say(line: str) -> None:
            console.print(line, markup=False, highlight=False, soft_wrap=True)

        say(announcement(toolbox, execute))
        for warning in warnings:
            say(f"warning: {warning}")
        report = run(generator, chosen, seed, toolbox, out, kept_out, execute, say)
        written = ", ".join(f"{count:,} {split}" for split, count in sorted(report.counts.items()))
        rejected = ", ".join(f"{count:,} {stage}" for stage, count in report.rejections.items() if count)
        say(f"Wrote {out}: {written}.")
        say(f"Rejected of {report.proposed:,}: {rejected or 'none'}.")
        if report.unexecuted:
            say(f"Checked by schema alone: {report.unexecuted:,} calls of tools that may not run.")
        if push is not None:
            say(f"published: {pushed(out, push, private=True)}")

    return plugin_command(
        generate,
        generator,
        {
            "out": (Path, "Folder to write to; it must not hold anything yet."),
            "seed": (int, "Seed of everything that is drawn."),
            "tools": (
                str | None,
                "Tools to generate for: a tools.yaml, a Python file or module, an OpenAPI file, or mcp:SERVER. The "
                "catalog where it is not given.",
            ),
            "execute": (Execute, "The effects up to which tools are run: pure, read or all."),
            "manifest": (
                Path | None,
                "MANIFEST.toml of held-out tools and test queries; that of the shipped cases where it is not given.",
            ),
            "push": (str | None, "Data set at the hub, ORG/NAME, to upload to: private, where it is new."),
        },
    )


def _toolbox(source: str | None) -> tuple[Toolbox, list[ToolFault]]:
    """The tools of `source`, or the catalog, and what is doubtful about them.

    Raises:
        InputError: The source cannot be read, or its tools have faults.
    """
    from toolmark.benchmark.data.cases import Toolbox
    from toolmark.benchmark.tools.catalog import catalog
    from toolmark.benchmark.tools.sources.lint import lint
    from toolmark.benchmark.tools.toolbox_names import read_source

    if source is None:
        return catalog(), []
    read = read_source(source)
    faults = lint(read)
    if wrong := [fault for fault in faults if fault.severity == "error"]:
        *others, last = wrong
        listed = "".join(f"{fault}\n" for fault in others)
        raise InputError(f"{listed}{last.place}: {last.what}", last.fix)
    return Toolbox(name=next(iter(read.toolboxes)), tools=read.tools), faults


app = App(name="generate", help="Write a trace dataset: conversations to train on, and cases with their gold.")
__getattr__ = plugin_commands(app, "toolmark.generators", __name__, generate_command)
