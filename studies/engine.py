"""Compares the speed of local generation with other tools, and writes docs/measurements/performance.md.

Each measurement runs in its own process. Measurements that are compared are made in turn, during the same run. Run the
program only if no other program is busy on the machine. Each other tool is installed once, in a separate Python
environment in the folder --cache.
"""

from __future__ import annotations

import argparse
import math
import platform
import shlex
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil

from studies import growth
from studies.against_peers import REAL_AIMS, write_peers
from studies.growth_tables import write_growth, write_mixed
from studies.page import Page, percent, spread
from studies.peers import ENVIRONMENTS, Measured, measure
from studies.phases import ENGINE
from studies.plan import Plan, megabytes, repeated, said
from studies.workloads import POCKET, Workload, prompts_of, random_gemma, shipped, smollm2
from toolmark.benchmark.core.errors import EnvironmentFault

OUT = Path(__file__).parents[1] / "docs" / "measurements" / "performance.md"
CACHE = Path.home() / ".cache" / "toolmark" / "peers"


def write_overhead(page: Page, plan: Plan, limit: int | None) -> None:
    """Measure each phase of a whole run of `pytest suites/`."""
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
        f"The command `pytest suites/ --model pocket` was run {len(found)} times on {cases:,} cases. The table shows "
        "the time of each phase of the process. In the first four phases, the engine is loaded and generates the "
        "answers. The time of a phase excludes the time of its subphases.",
        ["phase", "seconds", "ms per case", "share"],
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
        "The whole run must take at most 1.3 times as long as three of its phases together: opening the model, "
        "encoding and answering",
        f"{ratio:.2f} times. The whole run takes {answering:.2f} times as long as answering alone. The peak memory is "
        f"{megabytes(found)} MB",
    )


def measure_phases(arguments: Sequence[str], plan: Plan) -> Measured:
    """Run pytest once, and return the seconds of each phase."""
    found = measure([sys.executable, "-m", "studies.phases"], {"threads": plan.threads, "arguments": list(arguments)})
    return replace(found, seconds=(found.more["whole"],))


def head(plan: Plan) -> str:
    """Return the beginning of the page, with the versions and the machine."""
    packages = ("torch", "transformers", "peft", "inspect-ai")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    peers = "\n".join(
        textwrap.fill(f"- {name}: {', '.join(wanted)}", 120, subsequent_indent="  ")
        for name, wanted in ENVIRONMENTS.items()
    )
    return f"""# Speed of local generation

Written by `make perf`. Seconds are wall-clock time. For repeated measurements, the tables show the median [smallest,
largest]. Each measurement ran in its own process. All tools of a table were measured in turn, in one run of `make
perf`.

Measured with Python {platform.python_version()}, {versions}.
The machine: {_processor()}, {psutil.cpu_count()} processors, {psutil.virtual_memory().total / 2**30:.0f} GiB,
{platform.system()}. Each process had {plan.threads} thread(s).

Toolmark is compared with other tools. Each tool ran in a Python environment with these packages:

{peers}

Nothing was measured on a GPU.
"""


SECTIONS = ("pocket", "random", "smollm2", "growth", "mixed", "overhead")


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _options() -> argparse.Namespace:
    """Return the options of the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"sections to measure, from {','.join(SECTIONS)}")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument(
        "--cache",
        type=Path,
        default=CACHE,
        help="folder for the environments of the other tools and for generated models",
    )
    parser.add_argument(
        "--pip-args",
        default="",
        help="arguments of pip install, for example '--extra-index-url URL' for a CPU build of torch",
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of every process")
    parser.add_argument(
        "--pocket",
        type=int,
        nargs=2,
        default=(200, 100),
        help="number of cases for pocket: for Toolmark, for the other tools",
    )
    parser.add_argument(
        "--random",
        type=int,
        nargs=2,
        default=(64, 16),
        help="number of cases for the random model: for Toolmark, for the other tools",
    )
    parser.add_argument(
        "--smollm2",
        type=int,
        nargs=2,
        default=(64, 16),
        help="number of cases for SmolLM2-135M: for Toolmark, for the other tools",
    )
    parser.add_argument("--trial", type=int, default=8, help="number of cases on which batch sizes are tried")
    parser.add_argument(
        "--tokens",
        type=int,
        nargs=2,
        default=(512, 48),
        help="largest number of tokens per answer: for trained models, for the random model",
    )
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument(
        "--slow", type=float, default=40.0, help="a measurement that takes longer, in seconds, is not repeated"
    )
    parser.add_argument(
        "--largest", type=int, default=max(growth.CASES), help="number of cases in the largest workload"
    )
    parser.add_argument("--limit", type=int, help="number of cases for the section on what the harness adds")
    return parser.parse_args()


def main() -> None:
    """Measure the sections of --only, and write the page with these sections."""
    given = _options()
    plan = Plan(
        cache=given.cache,
        pip=tuple(shlex.split(given.pip_args)),
        threads=given.threads,
        pocket=tuple(given.pocket),
        random=tuple(given.random),
        smollm2=tuple(given.smollm2),
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

    def real() -> None:
        model, gguf = smollm2(plan.cache)
        work = of("SmolLM2-135M-Instruct, 135M parameters", model, plan.smollm2[0], plan.tokens[0])
        work = replace(work, gguf=gguf, processor_time=True)
        fewer = replace(work, prompts=prompts_of(shipped(plan.smollm2[1])))
        write_peers(page, work, fewer, plan, REAL_AIMS)

    work: Mapping[str, Callable[[], None]] = {
        "pocket": lambda: peers("`pocket`, 3M parameters", POCKET, plan.pocket, plan.tokens[0]),
        "random": lambda: peers(
            "A Gemma 3 of 30M random parameters",
            random_gemma(plan.cache / "random-gemma-30m"),
            plan.random,
            plan.tokens[1],
        ),
        "smollm2": real,
        "growth": lambda: write_growth(page, plan),
        "mixed": lambda: write_mixed(page, plan),
        "overhead": lambda: write_overhead(page, plan, given.limit),
    }
    for section in given.only.split(","):
        try:
            work[section]()
        except EnvironmentFault as error:  # the weights are not installed
            page.text.append(f"## {section}: not measured\n\n{error}\n")
        except RuntimeError as error:  # another tool failed; the measured sections are kept
            page.text.append(f"## {section}: not measured\n\n```\n{error}\n```\n")
            page.broken.append(f"{section} was not measured: {str(error).splitlines()[-1]}")
        given.out.parent.mkdir(exist_ok=True)
        given.out.write_text("\n".join(page.text), encoding="utf-8")
    page.fail_if_missed()


if __name__ == "__main__":
    main()
