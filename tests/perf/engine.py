"""Measure local generation against its peers, its limit and itself, and write docs/performance.md.

Every measurement is a process of its own; what is compared was measured in one run, in turns. It is meant for a quiet
machine: `make perf`. Peers are installed into environments of their own, once, under --cache.
"""

from __future__ import annotations

import argparse
import math
import platform
import shlex
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil

from tests.perf import growth
from tests.perf.limits import matrix_rate, operations
from tests.perf.page import Page, percent
from tests.perf.peers import ENVIRONMENTS, LOOPS, Measured, environment, measure
from tests.perf.phases import ENGINE
from tests.perf.workloads import POCKET, Workload, prompts_of, random_gemma, shipped

OUT = Path(__file__).parents[2] / "docs" / "performance.md"
CACHE = Path.home() / ".cache" / "toolmark" / "peers"

OURS = "toolmark"
AIMS = {"pipeline": 10.0, "inspect": 5.0, "lm-eval": 3.0, "generate": 2.0}
"""How many times as fast as each peer this engine is to be."""

NAMES = {
    OURS: "Toolmark",
    "pipeline": "the tutorial's loop: `pipeline`, one prompt at a time",
    "inspect": "Inspect's `hf/`",
    "lm-eval": "lm-eval's hf backend, `generate_until`",
    "generate": "`generate` on sorted, padded batches",
    "continuous": "transformers' continuous batching",
}
HOMES = {
    "pipeline": "transformers",
    "inspect": "inspect",
    "lm-eval": "lm-eval",
    "generate": "transformers",
    "continuous": "transformers",
}
BATCHES = {"inspect": (1, 8), "lm-eval": (1, 8), "generate": (1, 4, 16), "continuous": (8, 32)}
"""Batch sizes that are tried first, of which the best is measured."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        cache: Where peers and made models lie.
        pip: Further arguments of pip.
        threads: Of every process.
        pocket: Cases for `pocket`, and for its peers.
        random: The same for the random model.
        trial: Cases on which batch sizes are tried.
        tokens: Written at most, by `pocket` and by the random model, which never ends by itself.
        times: Repetitions.
        slow: Seconds; what took longer the first time is not repeated.
        largest: Cases of the largest growth.
    """

    cache: Path
    pip: tuple[str, ...]
    threads: int
    pocket: tuple[int, int]
    random: tuple[int, int]
    trial: int
    tokens: tuple[int, int]
    times: int
    slow: float
    largest: int


def said(text: str) -> None:
    """Progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def command(runner: str, plan: Plan) -> list[str]:
    """What measures a runner."""
    if runner == OURS:
        return [sys.executable, "-m", "tests.perf.ours"]
    # -P: the folder of the loops has a module `statistics`, which is not the one that peers import.
    return [str(environment(HOMES[runner], plan.cache, plan.pip)), "-P", str(LOOPS), runner]


def repeated(measurements: Sequence[tuple[str, Callable[[], Measured]]], plan: Plan) -> dict[str, list[Measured]]:
    """Each measurement `plan.times` times, in turns; one that is slow, once."""
    found: dict[str, list[Measured]] = {name: [] for name, _ in measurements}
    for turn in range(plan.times):
        for name, work in measurements:
            if turn and found[name][0].seconds[0] > plan.slow:
                continue
            found[name].append(work())
            said(f"  {name}, {turn + 1}: {found[name][-1].seconds[0]:.1f} s")
    return found


def seconds_of(found: Sequence[Measured]) -> list[float]:
    """Of all repetitions."""
    return [seconds for each in found for seconds in each.seconds]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median and range."""
    middle = f"{median(values):,.{digits}f}"
    return middle if len(values) == 1 else f"{middle} [{min(values):,.{digits}f}, {max(values):,.{digits}f}]"


def megabytes(found: Sequence[Measured]) -> str:
    """The most memory of any repetition."""
    return f"{max(each.peak for each in found) / 1e6:,.0f}"


def best_batch(runner: str, workload: Workload, plan: Plan) -> tuple[int, str]:
    """The batch size that is fastest on a few cases, and how fast each was."""
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
    """One workload, every runner; peers on a stratified sample of it where `fewer` is one."""
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
        f"{counts[OURS]} cases, at most {workload.tokens} tokens each, greedy, fp32, {plan.threads} thread(s). The "
        f"prompts have {more['read']:,} tokens, of which {more['unique']:,} are read once shared prefixes are read "
        f"once; {sum(more['written']):,} are written. Peers answer n of the cases, a stratified sample; ratios are of "
        "seconds a case. Encoding is timed, loading is not. Batch sizes were tried on "
        f"{plan.trial} of the cases; the fastest is measured. What took more than {plan.slow:g} s was measured once. "
        "Texts are equal where they are Toolmark's, character for character.",
        ["", "batch", "n", "times", "seconds", "ms a case", "times Toolmark's", "peak MB", "texts equal"],
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
        page.held(ratios[runner] >= aim, f"{aim:g} times as fast as {NAMES[runner]}", f"{ratios[runner]:.1f} times")
    whole = median(seconds_of(ours))
    wanted = {NAMES[runner]: whole * ratios[runner] / aim for runner, aim in AIMS.items() if ratios[runner] < aim}
    write_limit(page, workload, found, wanted, plan)


def write_limit(
    page: Page, workload: Workload, found: Mapping[str, Sequence[Measured]], wanted: Mapping[str, float], plan: Plan
) -> None:
    """How far from the least possible time, and where the rest goes; `wanted` are seconds that aims would need."""
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
        f"Distance from the limit: {done.reading / 1e9:,.0f} GFLOP of weights to read, {done.writing / 1e9:,.0f} to "
        f"write, {done.attention / 1e9:,.0f} of attention. The matrix products of the model's shapes run at "
        f"{reading / 1e9:.0f} GFLOP/s for 2,048 tokens, {writing / 1e9:.0f} for 64 and {single / 1e9:.0f} for one. "
        f"So the least time is {least:.1f} s, {percent(least / whole, 0)} of the {whole:.1f} s taken. With no prefix "
        f"shared it is {loop:.1f} s for one prompt at a time, and {batched:.1f} s in batches of 64: a loop that wastes "
        f"nothing would take {loop / whole:.1f} times as long as is taken here, and such batches {batched / whole:.1f} "
        "times.\n"
    )
    profiled = measure(command(OURS, plan), {**workload.spec(threads=plan.threads), "profile": True})
    parts: dict[str, float] = profiled.more["parts"]
    total = sum(parts.values())
    page.section(
        f"{workload.name}: where the time goes",
        f"Own time of each part in a run with a clock around every part, which took {total:.1f} s.",
        ["part", "seconds", "share"],
        [[label, f"{spent:.2f}", percent(spent / total)] for label, spent in sorted(parts.items(), key=_last)],
    )
    needed = [label for label in parts if label.startswith(("attention", "matrix products"))]
    spent = sum(parts[label] for label in needed) * whole / total
    for name, seconds in wanted.items():
        page.text.append(
            f"Why not more against {name}: the aim is {seconds:.1f} s. Attention and matrix products alone, of which "
            f"no exact engine can leave one out, take {spent:.1f} s here, {percent(spent / whole, 0)} of the whole.\n"
        )


def _last(item: tuple[str, float]) -> float:
    return -item[1]


def write_growth(page: Page, plan: Plan) -> None:
    """Cases, tools, adapters."""

    def table(
        title: str, said_first: str, column: str, workloads: Sequence[tuple[str, Workload, Sequence[Path]]]
    ) -> None:
        said(title)
        works = [
            (
                label,
                lambda workload=workload, worn=worn: measure(
                    command(OURS, plan),
                    {**workload.spec(threads=plan.threads), "adapters": [str(adapter) for adapter in worn]},
                ),
            )
            for label, workload, worn in workloads
        ]
        found = repeated(works, plan)
        asked = {label: len(workload.prompts) * max(1, len(worn)) for label, workload, worn in workloads}
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
        f"`pocket`, at most {growth.TOKENS} tokens. Up to 1,380 the shipped cases of both splits; beyond, the same "
        "with a sentence put before the request.",
        "cases",
        [(f"{count:,}", growth.of_cases(count), ()) for count in counts],
    )
    table(
        "Growth with tools offered",
        f"`pocket`, the same {plan.trial * 6} requests, at most {growth.TOKENS} tokens; every length in four orders.",
        "tools",
        [(str(offered), growth.of_tools(offered, plan.trial * 6), ()) for offered in growth.TOOLS],
    )
    made = growth.adapters(plan.cache)
    base = Workload("adapters", POCKET, prompts_of(shipped(plan.trial * 3)), growth.TOKENS)
    table(
        "Growth with adapters",
        f"One `pocket` in memory, {plan.trial * 3} cases answered by each LoRA (rank 16, random) in turn; tokens are "
        "those of one adapter.",
        "adapters",
        [(str(count), base, made[:count]) for count in growth.ADAPTERS],
    )


def write_mixed(page: Page, plan: Plan) -> None:
    """Several adapters in one pass."""
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
            taken = measure([sys.executable, "-m", "tests.perf.mixed"], spec).more["milliseconds"]
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
        "Milliseconds to write one token for every row, without attention over what was read before: all rows of one "
        "adapter; as many rows, shared evenly by all adapters, in one pass with peft's `adapter_names`; the same, a "
        "pass for each adapter. There are as many places as memory has room for (64 at most), whoever fills them, and "
        "one adapter's cases fill them but for its last few: while they are full, `mixed` stands against `alone`, and "
        "only where each adapter has a handful of cases left, against `in turn`.",
        ["adapters", "rows", "alone", "mixed", "in turn", "mixed to alone", "in turn to mixed"],
        rows,
    )
    page.text.append(
        f"With full places a mixed pass takes {min(full):.2f} to {max(full):.2f} times as long as one adapter's. "
        + ("It would pay.\n" if max(full) < 0.95 else "So adapters are worn in turn, each with all places.\n")
    )


def write_overhead(page: Page, plan: Plan, limit: int | None) -> None:
    """The whole of `pytest suites/`."""
    said("overhead")

    def work() -> Measured:
        with TemporaryDirectory() as folder:
            arguments = ["--model", "pocket", "--fresh", "-q", "--runs", folder, "--threads", str(plan.threads)]
            arguments += [] if limit is None else ["--limit", str(limit)]
            return measure_phases(arguments, plan)

    found = repeated([("pytest suites/", work)], replace(plan, slow=math.inf))["pytest suites/"]
    cases = len(shipped(limit))
    whole = [each.seconds[0] for each in found]
    phases = {label: [each.more["phases"].get(label, 0.0) for each in found] for label in found[0].more["phases"]}
    engine = [sum(each.more["phases"].get(label, 0.0) for label in ENGINE) for each in found]
    page.section(
        "What the harness adds",
        f"`pytest suites/ --model pocket` on {cases:,} cases, from the start of the process to its end, {len(found)} "
        "times; the first rows are the engine's own time. Each phase without the phases inside it.",
        ["phase", "seconds", "ms a case", "share"],
        [
            [
                label,
                spread(spent, 2),
                f"{1000 * median(spent) / cases:.1f}",
                percent(median(spent) / median(whole)),
            ]
            for label, spent in sorted(phases.items(), key=lambda item: (item[0] not in ENGINE, -median(item[1])))
        ],
    )
    ratio = median([a / b for a, b in zip(whole, engine, strict=True)])
    answering = median(whole) / median(phases["answering"])
    page.held(
        ratio <= 1.3,
        "the whole takes at most 1.3 times as long as the engine (opening, encoding, answering)",
        f"{ratio:.2f} times; {answering:.2f} times as long as answering alone; peak {megabytes(found)} MB",
    )


def measure_phases(arguments: Sequence[str], plan: Plan) -> Measured:
    """One run of pytest with its phases told."""
    found = measure(
        [sys.executable, "-m", "tests.perf.phases"], {"threads": plan.threads, "arguments": list(arguments)}
    )
    return replace(found, seconds=(found.more["whole"],))


def head(plan: Plan) -> str:
    """What it was measured with, and on."""
    packages = ("torch", "transformers", "peft", "inspect-ai")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    peers = textwrap.fill(
        "Peers, each in an environment of its own: "
        + "; ".join(f"{name} with {', '.join(wanted)}" for name, wanted in ENVIRONMENTS.items())
        + ".",
        120,
    )
    return f"""# How fast local generation is, measured

Written by `make perf`. Seconds are wall time: medians with [least, most] of the repetitions told beside them. Every
measurement is a process of its own, in turns; ratios are of one run.

Python {platform.python_version()}, {versions}. {_processor()}, {psutil.cpu_count()} processors,
{psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}; {plan.threads} thread(s) a process.

{peers}

On a GPU: not measured.
"""


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    """Measure and write the page; sections that were not asked for are not on it."""
    sections = ("pocket", "random", "growth", "mixed", "overhead")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(sections), help=f"sections, of {','.join(sections)}")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--cache", type=Path, default=CACHE, help="peers' environments and made models")
    parser.add_argument("--pip-args", default="", help="of pip install, such as '--extra-index-url URL' of a CPU torch")
    parser.add_argument("--threads", type=int, default=1, help="of every process; one is this engine's own choice here")
    parser.add_argument("--pocket", type=int, nargs=2, default=(200, 100), help="cases for pocket, and for its peers")
    parser.add_argument("--random", type=int, nargs=2, default=(64, 16), help="the same for the random model")
    parser.add_argument("--trial", type=int, default=8, help="cases on which batch sizes are tried")
    parser.add_argument("--tokens", type=int, nargs=2, default=(512, 48), help="written at most: pocket, random")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--slow", type=float, default=40.0, help="seconds beyond which nothing is repeated")
    parser.add_argument("--largest", type=int, default=max(growth.CASES), help="cases of the largest growth")
    parser.add_argument("--limit", type=int, help="cases of the overhead")
    given = parser.parse_args()
    plan = Plan(
        cache=given.cache,
        pip=tuple(shlex.split(given.pip_args)),
        threads=given.threads,
        pocket=tuple(given.pocket),
        random=tuple(given.random),
        trial=given.trial,
        tokens=tuple(given.tokens),
        times=given.times,
        slow=given.slow,
        largest=given.largest,
    )
    page = Page(head(plan))

    def of(name: str, model: Path, cases: int, tokens: int) -> Workload:
        return Workload(name, model, prompts_of(shipped(cases)), tokens)

    def peers(name: str, model: Path, cases: tuple[int, int], tokens: int) -> None:
        write_peers(page, of(name, model, cases[0], tokens), of(name, model, cases[1], tokens), plan)

    work: Mapping[str, Callable[[], None]] = {
        "pocket": lambda: peers("`pocket`, 3M parameters", POCKET, plan.pocket, plan.tokens[0]),
        "random": lambda: peers(
            "A Gemma 3 of 30M random parameters",
            random_gemma(plan.cache / "random-gemma-30m"),
            plan.random,
            plan.tokens[1],
        ),
        "growth": lambda: write_growth(page, plan),
        "mixed": lambda: write_mixed(page, plan),
        "overhead": lambda: write_overhead(page, plan, given.limit),
    }
    for section in given.only.split(","):
        try:
            work[section]()
        except RuntimeError as error:  # a peer that fails must not cost what was measured
            page.text.append(f"## {section}: not measured\n\n```\n{error}\n```\n")
            page.broken.append(f"{section} was not measured: {str(error).splitlines()[-1]}")
        given.out.parent.mkdir(exist_ok=True)
        given.out.write_text("\n".join(page.text), encoding="utf-8")
    if page.broken:
        sys.exit("Not kept:\n" + "\n".join(page.broken))


if __name__ == "__main__":
    main()
