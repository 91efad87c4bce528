"""Counts how many of the tutorial's traces pass each stage of the pipeline, and the reasons for rejections."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studies.page import Page
from toolmark.benchmark.data.cases import Toolbox
from toolmark.benchmark.data.held_out import HeldOut, held_out, shipped_manifest
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.toolbox_names import read_source
from toolmark.generators.import_generator import ImportGenerator, ImportOptions
from toolmark.generators.pipeline import generate
from toolmark.generators.stages import STAGES

__all__ = ["Passed", "imported", "write_stages"]

_KINDS: Mapping[str, str] = {
    r"the called tool .* is not offered": "the conversation calls a tool that is not offered",
    r"the call of (\w+) has no result": "a call has no result",
    r"the tool (\w+) is held out": "a held-out tool is offered",
    r"the same question": "the same question was already accepted",
    r"the accepted question .* is nearly the same": "nearly the same question was already accepted",
    r"the result of (\w+) differs": "the tool's result differs from the result in the conversation",
    r"(\w+): error: ": "the tool refuses the arguments",
    r"(\w+): /\w+: ": "an argument has the wrong type",
    r"the answer .* contains nothing": "the answer uses nothing of the result",
}
"""A regular expression for a reason of the pipeline, and the text for the page. A group matches the name of a tool."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The counts of one import.

    Attributes:
        title: Title of the column.
        rows: Number of traces.
        fell: Number of rejected traces of each stage.
        why: Number of rejected traces of each tool, by stage and reason.
        unexecuted: Number of calls whose tool did not run.
    """

    title: str
    rows: int
    fell: Mapping[str, int]
    why: Mapping[tuple[str, str], Counter[str]]
    unexecuted: int


def _kind(reason: str) -> tuple[str, str]:
    for pattern, kind in _KINDS.items():
        if found := re.match(pattern, reason, re.DOTALL):
            return kind, found[1] if found.groups() else ""
    return reason, ""


def _one(title: str, source: str, toolbox: Toolbox, kept_out: HeldOut) -> Passed:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "data"
        report = generate(ImportGenerator(), ImportOptions(source=source), 0, toolbox, out, kept_out)
        lines = (out / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    why: dict[tuple[str, str], Counter[str]] = {}
    for row in map(json.loads, lines):
        kind, tool = _kind(row["reason"])
        why.setdefault((row["stage"], kind), Counter())[tool] += 1
    return Passed(title, report.proposed, report.rejections, why, report.unexecuted)


def imported(data: Path) -> list[Passed]:
    """Import the traces three times.

    The first import uses the defaults. In the second import, no tools are held out. In the third import, no tools are
    held out, and the tools have no implementations.
    """
    source = f"tutorial:{data / 'traces.csv.gz'}"
    own = Toolbox(name="tutorial", tools=read_source(str(data / "tools.yaml")).tools)
    return [
        _one("by default", source, catalog(), held_out(shipped_manifest())),
        _one("nothing held out", source, catalog(), HeldOut()),
        _one("nothing held out, nothing executed", source, own, HeldOut()),
    ]


def write_stages(page: Page, found: list[Passed]) -> None:
    """Write the two sections of the page."""
    shown = {stage: [one.rows - sum(one.fell[each] for each in STAGES[:index]) for one in found]
             for index, stage in enumerate((*STAGES, "all"))}  # fmt: skip
    page.section(
        "The 600 traces through the pipeline",
        "`toolmark generate import --source tutorial:traces.csv` checks every trace in several "
        "[stages](../guide/generators.md#what-is-checked). The table shows how many traces reach each stage, in three "
        "imports:\n\n"
        "- **by default**: Toolmark rejects traces with held-out tools, which are reserved for tests.\n"
        "- **nothing held out**: Traces with held-out tools are allowed.\n"
        "- **nothing held out, nothing executed**: Traces with held-out tools are allowed. In addition, no call is "
        "executed, because the tools come from the tutorial's `tools.yaml`, which contains no implementations.",
        ["stage reached", *(one.title for one in found)],
        [[f"`{stage}`" if stage != "all" else "passes all", *map(str, counts)] for stage, counts in shown.items()],
    )
    page.section(
        "Why traces are rejected",
        "For this table, no tool is held out. The calls are made with the 40 tools that are part of Toolmark "
        "(the catalog). A tool of the catalog uses no network, sends nothing, and returns no random value. Its result "
        "is always the same, even for a tool such as `web_search`. If a conversation contains another result, Toolmark "
        "rejects the conversation.",
        ["stage", "traces", "reason", "tools"],
        [
            [stage, str(tools.total()), kind, ", ".join(_counted(tools))]
            for (stage, kind), tools in sorted(
                found[1].why.items(),
                key=lambda item: (STAGES.index(item[0][0]), -item[1].total()),  # type: ignore[arg-type]
            )
        ],
    )


def _counted(tools: Counter[str]) -> list[str]:
    return [f"`{tool}` {count}" for tool, count in sorted(tools.items(), key=lambda item: (-item[1], item[0])) if tool]
