"""Compare the time of local generation with other tools on the same cases, and with the least possible time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from studies.limits import matrix_rate, operations
from studies.page import Page, percent, spread
from studies.peers import Measured, measure
from studies.plan import HOMES, OURS, Plan, command, megabytes, repeated, said, seconds_of
from studies.workloads import Workload

AIMS = {"pipeline": 10.0, "inspect": 5.0, "lm-eval": 3.0, "generate": 2.0}
"""The aims. Local generation should be this many times as fast as each of the other tools."""

NAMES = {
    OURS: "Toolmark",
    "pipeline": "the tutorial's loop (`pipeline`, one prompt at a time)",
    "inspect": "Inspect's `hf/`",
    "lm-eval": "lm-eval's hf backend, `generate_until`",
    "generate": "`generate` on sorted, padded batches",
    "continuous": "transformers' continuous batching",
}
BATCHES = {"inspect": (1, 8), "lm-eval": (1, 8), "generate": (1, 4, 16), "continuous": (8, 32)}
"""Batch sizes that are tried first. The fastest size is then measured."""


def best_batch(runner: str, workload: Workload, plan: Plan) -> tuple[int, str]:
    """Return the batch size that is fastest on a few cases, and a text that lists the sizes that were tried."""
    if runner not in BATCHES:
        return 1, "1"
    trial = replace(workload, prompts=workload.prompts[:: max(1, len(workload.prompts) // plan.trial)][: plan.trial])
    taken = {
        batch: measure(command(runner, plan), trial.spec(threads=plan.threads, batch=batch)).seconds[0]
        for batch in BATCHES[runner]
        if batch <= max(8, len(trial.prompts))
    }
    best = min(taken, key=lambda batch: taken[batch])
    said(f"  {runner}: {', '.join(f'{batch} a batch {seconds:.1f} s' for batch, seconds in taken.items())}")
    return best, f"{best} of {', '.join(map(str, taken))}"


def write_peers(page: Page, workload: Workload, fewer: Workload, plan: Plan) -> None:
    """Measure one workload with every tool and write the section. Other tools answer only the cases of `fewer`."""
    said(f"{workload.name}: {len(workload.prompts)} cases, {len(fewer.prompts)} for peers")
    batches = {runner: best_batch(runner, fewer, plan) for runner in HOMES}

    def work(runner: str) -> Measured:
        if runner == OURS:
            return measure(command(OURS, plan), workload.spec(threads=plan.threads))
        return measure(command(runner, plan), fewer.spec(threads=plan.threads, batch=batches[runner][0]))

    found = repeated([(runner, lambda runner=runner: work(runner)) for runner in (OURS, *HOMES)], plan)
    ours = found[OURS]
    counts = {runner: len((workload if runner == OURS else fewer).prompts) for runner in found}
    each_case = {runner: median(seconds_of(measured)) / counts[runner] for runner, measured in found.items()}
    ratios = {runner: taken / each_case[OURS] for runner, taken in each_case.items()}
    text_of = dict(zip((prompt.digest() for prompt in workload.prompts), ours[0].texts, strict=True))
    alike = {
        runner: sum(
            text_of[prompt.digest()].strip() == text.strip()
            for prompt, text in zip(fewer.prompts, measured[0].texts, strict=True)
        )
        for runner, measured in found.items()
        if runner != OURS
    }
    more = ours[0].more
    page.section(
        workload.name,
        f"The workload has {counts[OURS]} cases, with at most {workload.tokens} tokens for each answer. Decoding is "
        f"greedy, in fp32, with {plan.threads} thread(s). The prompts have {more['read']:,} tokens; "
        f"{more['unique']:,} remain if each shared prefix is read only once. {sum(more['written']):,} tokens are "
        "generated. The other tools answer only a stratified sample of n cases. So the tools are compared by the "
        "seconds for one case. The time includes encoding, but excludes loading. For each other tool, several batch "
        f"sizes were tried on {plan.trial} of the cases, and the fastest size was measured. A measurement that took "
        f"more than {plan.slow:g} s was not repeated. The last column counts answers that are identical to Toolmark's "
        "answers.",
        ["", "batch", "n", "times", "seconds", "ms a case", "times Toolmark's", "peak MB", "identical answers"],
        [
            [
                NAMES[runner],
                batches[runner][1] if runner in batches else "fitted",
                str(counts[runner]),
                str(len(measured)),
                spread(seconds_of(measured)),
                f"{1000 * each_case[runner]:.0f}",
                f"{ratios[runner]:.1f}",
                megabytes(measured),
                f"{alike[runner]} of {counts[runner]}" if runner in alike else "",
            ]
            for runner, measured in found.items()
        ],
    )
    for runner, aim in AIMS.items():
        page.held(
            ratios[runner] >= aim, f"at least {aim:g} times as fast as {NAMES[runner]}", f"{ratios[runner]:.1f} times"
        )
    whole = median(seconds_of(ours))
    wanted = {NAMES[runner]: whole * ratios[runner] / aim for runner, aim in AIMS.items() if ratios[runner] < aim}
    write_limit(page, workload, found, wanted, plan)


def write_limit(
    page: Page, workload: Workload, found: Mapping[str, Sequence[Measured]], wanted: Mapping[str, float], plan: Plan
) -> None:
    """Write the least possible time, and the time of each part.

    `wanted` contains, for each missed aim, the seconds that Toolmark may take to reach the aim.
    """
    ours = found[OURS]
    rows = dict(enumerate(row["ids"] for row in workload.rows()))
    done = operations(workload.model, rows, ours[0].more["written"])
    apart = operations(workload.model, rows, ours[0].more["written"], shared=False)
    reading = matrix_rate(workload.model, 2048, plan.threads)
    writing = matrix_rate(workload.model, 64, plan.threads)
    single = matrix_rate(workload.model, 1, plan.threads)
    whole = median(seconds_of(ours))
    least = done.seconds(reading, writing)
    loop, batched = apart.seconds(reading, single), apart.seconds(reading, writing)
    page.text.append(
        f"Reading the prompts takes at least {done.reading / 1e9:,.0f} GFLOP, writing the answers "
        f"{done.writing / 1e9:,.0f} GFLOP, and attention {done.attention / 1e9:,.0f} GFLOP. Matrix products of the "
        f"model's shapes run at {reading / 1e9:.0f} GFLOP/s for 2,048 tokens at a time, {writing / 1e9:.0f} GFLOP/s "
        f"for 64 tokens and {single / 1e9:.0f} GFLOP/s for one token. So the least possible time is {least:.1f} s. "
        f"That is {percent(least / whole, 0)} of the {whole:.1f} s that Toolmark takes. If no prefix were shared, the "
        f"least time would be {loop:.1f} s for one prompt at a time ({loop / whole:.1f} times Toolmark's time) and "
        f"{batched:.1f} s in batches of 64 ({batched / whole:.1f} times Toolmark's time).\n"
    )
    profiled = measure(command(OURS, plan), {**workload.spec(threads=plan.threads), "profile": True})
    parts: dict[str, float] = profiled.more["parts"]
    total = sum(parts.values())
    page.section(
        f"{workload.name}: where the time goes",
        f"The time of a part excludes the time of its subparts. The run with these timers took {total:.1f} s. A normal "
        "run is faster, because timing every part costs time.",
        ["part", "seconds", "share"],
        [[label, f"{spent:.2f}", percent(spent / total)] for label, spent in sorted(parts.items(), key=_last)],
    )
    needed = [label for label in parts if label.startswith(("attention", "matrix products"))]
    spent = sum(parts[label] for label in needed) * whole / total
    for name, seconds in wanted.items():
        page.text.append(
            f"Compared with {name}, Toolmark is not as fast as we aimed for. To reach the aim, Toolmark may take at "
            f"most {seconds:.1f} s. Attention and matrix products already take {spent:.1f} s here, which is "
            f"{percent(spent / whole, 0)} of Toolmark's time. Every exact engine must compute these parts.\n"
        )


def _last(item: tuple[str, float]) -> float:
    return -item[1]
