"""Measure local generation with more cases, more tools and more adapters."""

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
    """Write the sections on growth with cases, tools and adapters."""

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
            [column, "answers", "tokens read", "unique", "written", "times", "seconds", "ms an answer", "peak MB"],
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
        f"The model is `pocket`, with at most {growth.TOKENS} tokens for each answer. Up to 1,380 cases, the workload "
        "contains the shipped cases of both splits. Larger workloads repeat these cases with a sentence before the "
        "request.",
        "cases",
        [(f"{count:,}", growth.of_cases(count), ()) for count in counts],
    )
    table(
        "Growth with tools offered",
        f"The model is `pocket`. For every number of tools, the model answers the same {plan.trial * 6} requests, with "
        f"at most {growth.TOKENS} tokens for each answer. The tools are offered in four orders.",
        "tools",
        [(str(offered), growth.of_tools(offered, plan.trial * 6), ()) for offered in growth.TOOLS],
    )
    made = growth.adapters(plan.cache)
    base = Workload("adapters", POCKET, prompts_of(shipped(plan.trial * 3)), growth.TOKENS)
    table(
        "Growth with adapters",
        f"Only one `pocket` is in memory. Each LoRA adapter (rank 16, random weights) answers {plan.trial * 3} cases, "
        "one adapter after another. The columns of tokens count the tokens of one adapter.",
        "adapters",
        [(str(count), base, made[:count]) for count in growth.ADAPTERS],
    )


def write_mixed(page: Page, plan: Plan) -> None:
    """Write the section on several adapters in one pass."""
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
        "Would it be faster to generate rows of several adapters in one pass? The table shows the milliseconds for "
        "generating one token for every row, without attention to earlier tokens. In the column `alone`, all rows "
        "belong to one adapter. In the column `mixed`, the adapters share the rows evenly, in one pass with peft's "
        "`adapter_names`. In the column `in turn`, the adapters share the rows in the same way, but there is one pass "
        "for each adapter. Memory has room for at most 64 rows. One adapter has enough cases to fill all rows until "
        "its last few cases. So a mixed pass is only useful if `mixed` is faster than `alone`. For the last few cases "
        "of an adapter, a mixed pass is already useful if `mixed` is faster than `in turn`.",
        ["adapters", "rows", "alone", "mixed", "in turn", "mixed to alone", "in turn to mixed"],
        rows,
    )
    page.text.append(
        f"If all rows are filled, a mixed pass takes {min(full):.2f} to {max(full):.2f} times as long as a pass with "
        "one adapter. "
        + ("So a mixed pass would be faster.\n" if max(full) < 0.95 else "So adapters answer one after another.\n")
    )
