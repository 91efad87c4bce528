"""Compares the time of local generation with the time of other tools, and with the shortest possible time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from studies.limits import matrix_rate, operations
from studies.page import Page, percent, spread
from studies.peers import Measured, measure
from studies.plan import OURS, Plan, command, megabytes, repeated, said, seconds_of
from studies.workloads import Workload

Aims = Mapping[str, float | None]
"""The other tools of a workload, and for each tool how many times as fast Toolmark must be. None means no target."""

AIMS: Aims = {"pipeline": 10.0, "inspect": 5.0, "lm-eval": 3.0, "generate": 2.0, "continuous": None}
"""For workloads with a small model."""

REAL_AIMS: Aims = {"pipeline": 6.0, "generate": 4.0, "llama.cpp": None}
"""For a workload with a real model."""

_PROCESSOR_TIME = (
    " In this section, seconds are processor time. With one thread, this is the wall-clock time on an idle machine."
)

MOST_TIME = 1.8
"""With a real model, Toolmark must take at most this many times the shortest possible time."""

NAMES = {
    OURS: "Toolmark",
    "pipeline": "the tutorial's loop (`pipeline`, one prompt at a time)",
    "inspect": "Inspect's `hf/`",
    "lm-eval": "lm-eval's hf backend, `generate_until`",
    "generate": "`generate` on sorted, padded batches",
    "continuous": "transformers' continuous batching",
    "llama.cpp": "llama.cpp's server with its prompt cache",
}
BATCHES = {"inspect": (1, 8), "lm-eval": (1, 8), "generate": (1, 4, 16), "continuous": (8, 32), "llama.cpp": (1, 8)}
"""Batch sizes that are tried on a few cases. The fastest batch size is then measured on all cases."""


def best_batch(runner: str, workload: Workload, plan: Plan) -> tuple[int, str]:
    """Try several batch sizes on a few cases. Return the fastest size, and a text that lists the tried sizes."""
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


def write_peers(page: Page, workload: Workload, fewer: Workload, plan: Plan, aims: Aims = AIMS) -> None:
    """Measure one workload with every tool, and write the section.

    Args:
        page: The page.
        workload: The cases that Toolmark answers.
        fewer: The cases that the other tools answer, a sample of `workload`.
        plan: Settings of the measurements.
        aims: The other tools and the targets.
    """
    said(f"{workload.name}: {len(workload.prompts)} cases, {len(fewer.prompts)} for peers")
    batches = {runner: best_batch(runner, fewer, plan) for runner in aims}

    def work(runner: str) -> Measured:
        if runner == OURS:
            return measure(command(OURS, plan), workload.spec(threads=plan.threads))
        return measure(command(runner, plan), fewer.spec(threads=plan.threads, batch=batches[runner][0]))

    found = repeated([(runner, lambda runner=runner: work(runner)) for runner in (OURS, *aims)], plan)
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
        f"The workload has {counts[OURS]} cases. An answer has at most {workload.tokens} tokens. Decoding is greedy, "
        f"in float32, with {plan.threads} thread(s). The prompts have {more['read']:,} tokens. Many prompts begin "
        "with the same tokens (a shared prefix). If each shared prefix is counted only once, the prompts have "
        f"{more['unique']:,} tokens. {sum(more['written']):,} tokens are generated.\n\n"
        "- **n**: The other tools answer only a sample of the cases. So compare the times per case, not the "
        "seconds.\n"
        f"- **batch size**: `1 of 1, 8` means that the batch sizes 1 and 8 were tried on {plan.trial} cases. The "
        "faster size, 1, was then measured.\n"
        f"- **seconds**: The time includes encoding, but not loading. A measurement of more than {plan.slow:g} s was "
        f"not repeated.{_PROCESSOR_TIME if workload.processor_time else ''}\n"
        "- **identical answers**: The number of answers that are identical to Toolmark's answers.",
        [
            "tool",
            "batch size",
            "n",
            "repetitions",
            "seconds",
            "ms per case",
            "times Toolmark's time",
            "peak MB",
            "identical answers",
        ],
        [
            [
                NAMES[runner],
                batches[runner][1] if runner in batches else "automatic",
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
    if "llama.cpp" in aims:
        page.paragraph(
            "The package xllamacpp is built for every processor with AVX2. A llama.cpp that is built for the processor "
            "of this machine can be faster."
        )
    targets = {runner: aim for runner, aim in aims.items() if aim is not None}
    for runner, aim in targets.items():
        page.held(
            ratios[runner] >= aim,
            f"Toolmark must be at least {aim:g} times as fast as {NAMES[runner]}",
            f"{ratios[runner]:.1f} times",
        )
    whole = median(seconds_of(ours))
    wanted = {NAMES[runner]: whole * ratios[runner] / aim for runner, aim in targets.items() if ratios[runner] < aim}
    least = write_limit(page, workload, ours, plan)
    if aims is REAL_AIMS:
        page.held(
            whole <= MOST_TIME * least,
            f"Toolmark must take at most {MOST_TIME:g} times the shortest possible time",
            f"{whole / least:.2f} times",
        )
    write_parts(page, workload, whole, wanted, plan)


def write_limit(page: Page, workload: Workload, ours: Sequence[Measured], plan: Plan) -> float:
    """Write the shortest possible time, and return it in seconds.

    Args:
        page: The page.
        workload: The cases that Toolmark answers.
        ours: Toolmark's measurements.
        plan: Settings of the measurements.
    """
    rows = dict(enumerate(row["ids"] for row in workload.rows()))
    done = operations(workload.model, rows, ours[0].more["written"])
    apart = operations(workload.model, rows, ours[0].more["written"], shared=False)
    reading = matrix_rate(workload.model, 2048, plan.threads)
    writing = matrix_rate(workload.model, 64, plan.threads)
    single = matrix_rate(workload.model, 1, plan.threads)
    whole = median(seconds_of(ours))
    least = done.seconds(reading, writing)
    loop, batched = apart.seconds(reading, single), apart.seconds(reading, writing)
    page.paragraph(
        f"The shortest possible time of this workload on this machine is {least:.1f} s. Toolmark takes {whole:.1f} s, "
        f"so {least:.1f} s are {percent(least / whole, 0)} of Toolmark's time. The shortest time follows from these "
        "figures:\n\n"
        f"- **Operations**: at least {done.reading / 1e9:,.0f} GFLOP to read the prompts, {done.writing / 1e9:,.0f} "
        f"GFLOP to write the answers, and {done.attention / 1e9:,.0f} GFLOP for attention.\n"
        f"- **Speed of the model's matrix products**: {reading / 1e9:.0f} GFLOP/s for 2,048 tokens, "
        f"{writing / 1e9:.0f} GFLOP/s for 64 tokens, and {single / 1e9:.0f} GFLOP/s for one token.\n\n"
        "A program that does not share prefixes must compute each prefix again for every prompt. With one prompt at a "
        f"time, such a program needs at least {loop:.1f} s ({loop / whole:.1f} times Toolmark's time). With batches of "
        f"64 prompts, the program needs at least {batched:.1f} s ({batched / whole:.1f} times)."
    )
    return least


def write_parts(page: Page, workload: Workload, whole: float, wanted: Mapping[str, float], plan: Plan) -> None:
    """Write the time of each part of the engine.

    Args:
        page: The page.
        workload: The cases that Toolmark answers.
        whole: Toolmark's time without timers, in seconds.
        wanted: The missed targets. The key is the name of a tool. The value is the largest number of seconds with
            which Toolmark would meet the target.
        plan: Settings of the measurements.
    """
    profiled = measure(command(OURS, plan), {**workload.spec(threads=plan.threads), "profile": True})
    parts: dict[str, float] = profiled.more["parts"]
    total = sum(parts.values())
    page.section(
        f"{workload.name}: where the time goes",
        "The table shows how much time each part of a run takes. The time of a part excludes the time of its "
        f"subparts. This run was measured with timers, and took {total:.1f} s. A normal run is faster, because timers "
        "take time.",
        ["part", "seconds", "share"],
        [[label, f"{spent:.2f}", percent(spent / total)] for label, spent in sorted(parts.items(), key=_last)],
    )
    needed = [label for label in parts if label.startswith(("attention", "matrix products"))]
    spent = sum(parts[label] for label in needed) * whole / total
    for name, seconds in wanted.items():
        page.paragraph(
            f"To meet the target against {name}, Toolmark must take at most {seconds:.1f} s. Attention and matrix "
            f"products alone take {spent:.1f} s, which is {percent(spent / whole, 0)} of Toolmark's time. Every engine "
            "must compute these parts to give exactly the same answers."
        )


def _last(item: tuple[str, float]) -> float:
    return -item[1]
