"""Measures how the time of local generation grows with the number of cases, tools and adapters."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from studies import growth
from studies.page import Page, spread
from studies.peers import measure
from studies.plan import OURS, Plan, command, megabytes, repeated, said, seconds_of
from studies.workloads import POCKET, Workload, prompts_of, shipped


def write_growth(page: Page, plan: Plan) -> None:
    """Measure growth with cases, tools and adapters, and write the sections."""

    def table(
        title: str, said_first: str, column: str, workloads: Sequence[tuple[str, Workload, Sequence[Path]]]
    ) -> None:
        said(title)
        works = [
            (
                label,
                lambda workload=workload, used=used: measure(
                    command(OURS, plan),
                    {**workload.spec(threads=plan.threads), "adapters": [str(adapter) for adapter in used]},
                ),
            )
            for label, workload, used in workloads
        ]
        found = repeated(works, plan)
        asked = {label: len(workload.prompts) * max(1, len(used)) for label, workload, used in workloads}
        page.section(
            title,
            said_first,
            [
                column,
                "answers",
                "prompt tokens",
                "without repeated prefixes",
                "generated tokens",
                "repetitions",
                "seconds",
                "ms per answer",
                "peak MB",
            ],
            [
                [
                    label,
                    f"{asked[label]:,}",
                    f"{each[0].more['read']:,}",
                    f"{each[0].more['unique']:,}",
                    f"{sum(each[0].more['written']):,}",
                    str(len(each)),
                    spread(seconds_of(each)),
                    f"{1000 * median(seconds_of(each)) / asked[label]:.1f}",
                    megabytes(each),
                ]
                for label, each in found.items()
            ],
        )

    counts = [count for count in growth.CASES if count <= plan.largest]
    table(
        "Growth with cases",
        f"The model is `pocket`, with at most {growth.TOKENS} tokens for each answer. A workload of up to 1,380 "
        "cases is a sample of the shipped cases of both splits. A larger workload also has copies of these cases with "
        "an additional sentence. In the column `without repeated prefixes`, the tokens of each shared prefix are "
        "counted only once.",
        "cases",
        [(f"{count:,}", growth.of_cases(count), ()) for count in counts],
    )
    table(
        "Growth with tools offered",
        f"The model is `pocket`. For each number of offered tools, the model answers the same {plan.trial * 6} "
        f"requests, with at most {growth.TOKENS} tokens for each answer. The tools come from the catalog. Each request "
        "lists them in one of four orders.",
        "tools",
        [(str(offered), growth.of_tools(offered, plan.trial * 6), ()) for offered in growth.TOOLS],
    )
    made = growth.adapters(plan.cache)
    base = Workload("adapters", POCKET, prompts_of(shipped(plan.trial * 3)), growth.TOKENS)
    table(
        "Growth with adapters",
        "Only one copy of `pocket` is in memory. Each LoRA adapter (rank 16, random weights) answers "
        f"{plan.trial * 3} cases. The adapters answer one after another. The columns about tokens count the tokens of "
        "one adapter.",
        "adapters",
        [(str(count), base, made[:count]) for count in growth.ADAPTERS],
    )


def write_mixed(page: Page, plan: Plan) -> None:
    """Measure passes with rows of several adapters, and write the section."""
    said("mixed batches")
    made = growth.adapters(plan.cache)
    rows, full = [], []
    for count in growth.ADAPTERS[1:]:
        for together in (16, 64):
            spec = {
                "model": str(POCKET),
                "adapters": [str(adapter) for adapter in made[:count]],
                "rows": together,
                "threads": plan.threads,
                "times": plan.times,
            }
            taken = measure([sys.executable, "-m", "studies.mixed"], spec).more["milliseconds"]
            alone, mixed, in_turn = (median(taken[way]) for way in ("alone", "mixed", "in turn"))
            full += [mixed / alone] * (together == 64)
            rows.append(
                [
                    str(count),
                    str(together),
                    *(spread(taken[way], 2) for way in ("alone", "mixed", "in turn")),
                    f"{mixed / alone:.2f}",
                    f"{in_turn / mixed:.2f}",
                ]
            )
    page.section(
        "Rows of several adapters in one pass",
        "A pass through the model generates one token for each of several answers. Each answer is a row of the pass. A "
        "pass has at most 64 rows, because memory is limited. This section asks whether passes with rows of several "
        "adapters save time. The table shows the milliseconds of a pass, which generates one token for each row. The "
        "time excludes attention to earlier tokens:\n\n"
        "- **alone**: All rows belong to one adapter.\n"
        "- **mixed**: The rows are divided evenly among the adapters. peft's `adapter_names` computes all rows in one "
        "pass.\n"
        "- **in turn**: The rows are divided in the same way, but each adapter has its own pass.\n\n"
        "If each adapter has enough cases to fill a pass, compare `mixed` with `alone`. If each adapter has only a "
        "few cases left, compare `mixed` with `in turn`.",
        ["adapters", "rows", "alone", "mixed", "in turn", "mixed / alone", "in turn / mixed"],
        rows,
    )
    page.paragraph(
        f"With 64 rows, a mixed pass takes {min(full):.2f} to {max(full):.2f} times as long as a pass with one "
        "adapter. "
        + (
            "So a mixed pass would be faster."
            if max(full) < 0.95
            else "So in Toolmark, adapters answer one after another."
        )
    )
