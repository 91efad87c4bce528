"""`toolmark generate GENERATOR --out DIR [options]`: one command for each registered generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.printing import console
from toolmark.benchmark.plugins.commands import checked, plugin_command, plugin_commands
from toolmark.benchmark.scoring.execution import Execute

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolmark.benchmark.data.cases import Toolbox

__all__ = ["app", "generate_command"]


def generate_command(generator: Any) -> Callable[..., None]:
    """Return the command of `generator`.

    The command has the common options of all generators and the options of `generator`.
    """

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
        from toolmark.benchmark.tools.sandbox import missing_limits
        from toolmark.generators.executed_calls import execution_summary
        from toolmark.generators.pipeline import generate as run
        from toolmark.generators.trace_dataset.upload import check_upload, upload_dataset

        if find_spec("datasets") is None:
            raise EnvironmentFault(
                "writing a trace dataset needs the package 'datasets', which is not installed",
                "Install it: pip install 'toolmark[generate]'",
            )
        if push is not None:
            check_upload(push, out, "--push")
        kept_out = held_out(manifest or shipped_manifest())
        chosen = checked(generator.Options, options)
        toolbox, warnings = _toolbox_of(tools)
        output = console(stderr=True)

        def say(line: str) -> None:
            output.print(line, soft_wrap=True)

        say(execution_summary(toolbox, execute))
        for line in missing_limits():
            say(f"tools: {line}")
        for warning in warnings:
            say(f"warning: {warning}")
        report = run(generator, chosen, seed, toolbox, out, kept_out, execute, say)
        written = ", ".join(f"{count:,} {split}" for split, count in sorted(report.counts.items()))
        rejected = ", ".join(f"{count:,} {stage}" for stage, count in report.rejections.items() if count)
        say(f"Wrote {out}: {written}.")
        say(f"Of {report.proposed:,} proposed conversations, these were rejected: {rejected or 'none'}.")
        for line in report.failed_calls:
            say(line)
        if rejected:
            say(f"All reasons: {out / 'rejected.jsonl'}")
        if report.unexecuted:
            unexecuted = f"{report.unexecuted:,} calls were only checked against the schema"
            say(f"{unexecuted}, because their tools are not allowed to run.")
        if push is not None:
            say(f"published: {upload_dataset(out, push, private=True)}")

    return plugin_command(
        generate,
        generator,
        {
            "out": (Path, "Folder to write to. It must be new or empty."),
            "seed": (int, "Seed of all random choices."),
            "tools": (
                str | None,
                "Tools of the conversations: a tools.yaml, a Python file or module, an OpenAPI file, or mcp:SERVER. "
                "Default: the catalog.",
            ),
            "execute": (
                Execute,
                "Tools that are allowed to run: those without effects (pure), also those that read (read), or all.",
            ),
            "manifest": (
                Path | None,
                "MANIFEST.toml with held-out tools and test queries. Default: the manifest of the shipped cases.",
            ),
            "push": (
                str | None,
                "Upload the result to this data set on the hub, ORG/NAME. A new data set is made private.",
            ),
        },
    )


def _toolbox_of(source: str | None) -> tuple[Toolbox, list[str]]:
    """Return the toolbox of the conversations, and the warnings about its tools.

    A tool with an error is left out, and the error becomes a warning.

    Args:
        source: The location of the tools, in the form of the option `--tools`. None stands for the catalog.

    Raises:
        InputError: The source cannot be read, or all tools of the source have errors.
    """
    from toolmark.benchmark.data.cases import Toolbox
    from toolmark.benchmark.tools.catalog import catalog
    from toolmark.benchmark.tools.sources.lint import lint
    from toolmark.benchmark.tools.toolbox_names import read_source

    if source is None:
        return catalog(), []
    read = read_source(source)
    faults = lint(read)
    wrong = [fault for fault in faults if fault.severity == "error"]
    bad = {fault.tool for fault in wrong}
    good = tuple(tool for tool in read.tools if tool.name not in bad)
    if wrong and not good:
        *others, last = wrong
        listed = "".join(f"{fault}\n" for fault in others)
        raise InputError(f"{listed}{last.place}: {last.what}", last.fix)
    warnings = [f"{fault} The tool is not offered." if fault.severity == "error" else str(fault) for fault in faults]
    return Toolbox(name=next(iter(read.toolboxes)), tools=good), [*map(str, read.notes), *warnings]


app = App(name="generate", help="Write a trace dataset: conversations to train on, and cases with their right answers.")
__getattr__ = plugin_commands(app, "toolmark.generators", __name__, generate_command)
