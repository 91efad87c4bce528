"""Estimates time and cost of a large evaluation on one laptop up to 64 GPUs, and writes docs/measurements/scaling.md.

    python -m studies.scaling

No model runs. The program counts tokens of shipped cases and of recorded answers, and measures how long recorded
answers are judged. All other figures are assumed, and the page says so. It takes about a minute.
"""

from __future__ import annotations

from dataclasses import dataclass

from studies.page import Page, percent
from studies.scaling_estimate import (
    ADAPTERS,
    CASES,
    GIGA,
    MEASUREMENTS,
    ROWS,
    Estimate,
    Machine,
    Model,
    Tokens,
    counted,
    estimate,
    gpus,
    judging_seconds,
    laptop,
    measured_speeds,
)
from toolmark.benchmark.core.durations import duration

OUT = MEASUREMENTS / "scaling.md"

HEAD = """# Twenty adapters, 5,000 cases, 40 tools: an estimate

Written by `python -m studies.scaling`. A team judges twenty LoRA adapters of a model with 4 billion parameters on 5,000
cases before a release. Each case offers 40 tools. This page estimates the time and the cost on several machines.

**No GPU was used for this page.** Tokens, the share of the shortest possible time and the time of judging are measured.
The speeds of the machines come from data sheets, and prices are assumed. So the page shows which part of the time
matters, and where more machines no longer help. It does not show how fast a machine is.
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the estimate is made of.

    Attributes:
        tokens: The tokens of the cases.
        core: Operations of a core per second.
        low: Lowest measured share of the shortest possible time in the time of the engine.
        high: Highest measured share.
        judging: Seconds to judge, log and compare an answer.
        plain: The same without logs.
    """

    tokens: Tokens
    core: float
    low: float
    high: float
    judging: float
    plain: float


def figures_section(page: Page, model: Model, measured: Measured) -> None:
    """Write which figures are measured, and which are assumed."""
    tokens = measured.tokens
    page.section(
        "The figures",
        "The column `kind` says whether a figure is measured or assumed.",
        ["figure", "value", "kind", "source"],
        [
            [
                "tokens of a prompt with 40 tools",
                f"{tokens.prompt:,.0f}",
                "measured",
                f"mean of {tokens.answers} recorded prompts of SmolLM2 (docs/replays)",
            ],
            [
                "of these, tokens that no other prompt shares",
                f"{tokens.own:,.0f}",
                "measured",
                f"their share in {tokens.cases} shipped cases with 40 tools, with the tokenizer of `pocket`",
            ],
            [
                "tokens of an answer",
                f"{tokens.answer:.0f}",
                "measured",
                f"mean of {tokens.answers} recorded answers of an adapter of SmolLM2 (docs/replays)",
            ],
            [
                "shortest possible time / time of the exact engine",
                f"{percent(measured.low, 0)} to {percent(measured.high, 0)}",
                "measured",
                "[performance.md](performance.md), three models with 3M to 135M parameters on a processor",
            ],
            [
                "judging, logging and comparing an answer",
                f"{1000 * measured.judging:.1f} ms",
                "measured",
                "1,000 recorded answers, processor time of one core",
            ],
            ["the same without logs", f"{1000 * measured.plain:.1f} ms", "measured", "the same answers"],
            [
                "operations of a core",
                f"{measured.core / GIGA:,.0f} GFLOP/s",
                "measured",
                "[performance.md](performance.md), float32",
            ],
            ["laptop", "8 cores, 120 GB/s", "assumed", "none"],
            ["H100 SXM", "989 TFLOP/s, 3.35 TB/s", "assumed", "data sheet of the maker: bfloat16 without sparsity"],
            ["price of an H100", "3 dollars an hour", "assumed", "none; put in the price of your cloud"],
            [
                "model",
                f"{(model.layer_weights + model.head_weights) / 1e9:.1f} billion weights",
                "assumed",
                "shape of Gemma 3 4B (arXiv:2503.19786)",
            ],
            ["answers that a device writes at once", str(ROWS), "assumed", "none"],
            ["start of an engine", "60 s, on the laptop 20 s", "assumed", "none"],
            ["loading of weights", "1 GB/s, on the laptop 2 GB/s", "assumed", "none"],
        ],
    )


def tokens_section(page: Page, tokens: Tokens) -> None:
    """Write how many tokens are read."""
    page.section(
        "Tokens",
        "All cases offer the same 40 tools in the same order, as the shipped cases do. Then each device reads the list "
        "of tools once for each adapter, and its keys and values are reused for all cases. If the lists differ, more "
        "tokens are read. An adapter changes keys and values, so nothing is shared between adapters.",
        ["different lists of tools", "tokens read for all adapters", "share of prompt tokens that are reused"],
        [
            [
                f"{lists:,}",
                f"{ADAPTERS * tokens.read(lists, 1) / 1e6:,.1f} million",
                percent(1 - tokens.read(lists, 1) / (CASES * tokens.prompt)),
            ]
            for lists in (1, 10, 100, 1_000, CASES)
        ],
    )


def time_section(page: Page, model: Model, measured: Measured) -> None:
    """Write the time and the cost on each machine."""
    machines = [laptop(measured.core), *(gpus(count) for count in (1, 8, 64))]
    low, high = measured.low, measured.high
    found = {machine.name: estimate(machine, model, measured.tokens, measured.judging) for machine in machines}
    page.section(
        "Time and cost",
        "`reading` and `writing` are the shortest possible times of the two parts of generation. `start` includes the "
        "loading of the base. One process judges, so `judging` does not get shorter. The last columns use the lowest "
        "and the highest measured share of the shortest possible time. A GPU costs money until the evaluation ends, "
        "judging included.",
        ["machine", "reading", "writing", "start", "judging", "total", "dollars", "generation's share of the time"],
        [
            [
                machine.name,
                duration(one.reading),
                duration(one.writing),
                duration(one.start),
                duration(one.judging),
                f"{duration(one.total(high))} to {duration(one.total(low))}",
                _dollars(machine, one, low, high),
                f"{percent(one.generating(high), 0)} to {percent(one.generating(low), 0)}",
            ]
            for machine in machines
            for one in [found[machine.name]]
        ],
    )


def growth_section(page: Page, model: Model, measured: Measured) -> None:
    """Write from which number of GPUs on the time hardly gets shorter."""
    tokens, judging, low = measured.tokens, measured.judging, measured.low
    judging_time = ADAPTERS * CASES * judging
    half = next(
        count for count in range(1, 10_000) if estimate(gpus(count), model, tokens, judging).generating(low) < 0.5
    )
    alone, unjudged = (estimate(gpus(1), model, tokens, seconds).total(low) for seconds in (judging, 0.0))
    page.section(
        "Where it stops growing",
        "The table shows how many times as fast as one GPU a number of GPUs is, with the lowest measured share.",
        ["GPUs", "total", "times one GPU", "without judging"],
        [
            [
                str(count),
                duration(one.total(low)),
                f"{alone / one.total(low):.1f}",
                f"{unjudged / (one.total(low) - one.judging):.1f}",
            ]
            for count in (1, 2, 4, 8, 16, 32, 64)
            for one in [estimate(gpus(count), model, tokens, judging)]
        ],
    )
    page.paragraph(
        f"From {half} GPUs on, less than half of the time is generation. Two parts do not get shorter with more GPUs:\n"
        "\n"
        f"- **Judging** takes {duration(judging_time)} for {ADAPTERS * CASES:,} answers in one process, and "
        f"{duration(ADAPTERS * CASES * measured.plain)} without Inspect logs. Several processes can judge several "
        "adapters, as an array of jobs does ([scale.md](../guide/scale.md#slurm)).\n"
        "- **Start**: Each GPU loads the base itself.\n"
        "\n"
        f"With more than {ADAPTERS} GPUs, the cases of an adapter are divided, and each part reads the list of tools "
        f"again. Such a part reads {tokens.prompt - tokens.own:,.0f} tokens more. All cases of an adapter have "
        f"{CASES * tokens.own:,.0f} tokens of their own. So this costs little.\n"
        "\n"
        f"Without the reuse of shared tokens, reading would take {tokens.prompt * CASES / tokens.read(1, 1):.0f} times "
        "as long."
    )


def main() -> None:
    """Write the page."""
    plain, judging = judging_seconds(logs=False), judging_seconds(logs=True)
    shares, core = measured_speeds()
    model, measured = Model(), Measured(counted(), core, shares[0], shares[-1], judging, plain)
    page = Page(HEAD)
    figures_section(page, model, measured)
    tokens_section(page, measured.tokens)
    time_section(page, model, measured)
    growth_section(page, model, measured)
    page.finish(OUT)


def _dollars(machine: Machine, one: Estimate, low: float, high: float) -> str:
    if not machine.dollars:
        return "0"
    prices = [one.total(share) / 3600 * machine.devices * machine.dollars for share in (high, low)]
    return f"{prices[0]:,.2f} to {prices[1]:,.2f}"


if __name__ == "__main__":
    main()
