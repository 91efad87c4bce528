"""Measures how fast completions are judged, and writes docs/measurements/judging.md.

The program fails if judging is too slow, or if the parsing time grows faster than the text. All times are processor
time of one core. Each time is the shortest time of several repetitions, so other programs have little influence.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path

from studies.page import Page
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.cases import Call, Case, Message
from toolmark.benchmark.data.completions import Completion, RawCall
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.scoring.gold import perfect, planted
from toolmark.benchmark.scoring.grades import grade

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "measurements" / "judging.md"

SIZES = {"1 KB": 1 << 10, "8 KB": 1 << 13, "64 KB": 1 << 16, "512 KB": 1 << 19, "1 MB": (1 << 20) - 64}
AIM = 15_000
"""Target, in completions per second."""

HEAD = """# Speed of judging

Written by `make perf`. All times are processor time of one core. Each measurement was repeated several times. The
tables show the shortest time.
"""

PROSE = "I would look at {x} and [y] first: `f(1)` is 5, 3 < 4, and so on.\n"
OTHER = Completion("{")
"""A dialect keeps its last scan. This text stands between two measurements, so that each text is scanned anew."""
BROKEN: Mapping[str, str] = {
    "deepseek": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{",
    "functiongemma": "<start_function_call>call:f{a:{",
    "gemma4": "<|tool_call>call:f{a:{",
    "glm": "<tool_call>f<arg_key>a</arg_key><arg_value>",
    "harmony": "<|channel|>commentary to=functions.f<|message|>{",
    "hermes": '<tool_call>{"a":"',
    "json": '{"a":',
    "kimi": "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{",
    "lfm2": "<|tool_call_start|>[f(a=[",
    "llama3": '{"a":',
    "llama4": "[f(a=[",
    "mistral": '[TOOL_CALLS]f[ARGS]{"a":"',
    "native": '<tool_call>{"a":"',
    "pythonic": "[f(a=[",
    "qwen_xml": "<tool_call><function=f><parameter=a>",
    "tagged": '<tool_call>{"a":"',
}
"""For each dialect, a text that is slow to parse: a value begins and never ends."""


def written(dialect: Dialect, arguments: Mapping[str, object]) -> Completion:
    """Return a completion with one call, in the form of the dialect.

    For `native`, the call has the form that a server sends.
    """
    turn = Message(role="assistant", tool_calls=(Call(name="f", arguments=arguments),))
    message = dialect.render((Message(role="user", content="?"), turn), ()).messages[-1]
    raw = tuple(RawCall(call.name, json.dumps(dict(call.arguments))) for call in message.tool_calls)
    return Completion(message.content, raw)


def texts(dialect: Dialect, size: int) -> Iterator[tuple[str, Completion]]:
    """Yield a label and a completion of about `size` characters for each kind of text."""
    yield "prose", Completion((PROSE * (size // len(PROSE) + 1))[:size])
    yield "one long string", written(dialect, {"a": "x" * (size - 100)})
    yield "many numbers", written(dialect, {"a": [123] * (size // 5 - 20)})
    broken = BROKEN[dialect.name]
    yield "values that never end", Completion(broken * (size // len(broken)))


def seconds(work: Callable[[], object], least: float = 0.2) -> float:
    """Return the processor seconds of one call of `work`, the shortest of three or more calls."""
    found: list[float] = []
    while len(found) < 3 or sum(found) < least:
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def write_lengths(page: Page, dialects: list[Dialect]) -> None:
    """Measure the parsing time for each length of text, and write the section."""
    rows: list[list[str]] = []
    worst = 0.0
    for dialect in dialects:
        taken: dict[str, dict[str, float]] = {}
        for size, length in SIZES.items():
            for kind, completion in texts(dialect, length):

                def both(dialect: Dialect = dialect, completion: Completion = completion) -> None:
                    dialect.parse(OTHER, strict=True)
                    dialect.parse(completion, strict=True)
                    dialect.parse(completion, strict=False)

                taken.setdefault(kind, {})[size] = seconds(both)
        for kind, of_size in taken.items():
            rows.append([dialect.name, kind, *(f"{1000 * found:.3g}" for found in of_size.values())])
            # With linear growth, a text of 16 times the length takes 16 times as long. Quadratic growth gives 256.
            worst = max(worst, of_size["1 MB"] / (16 * of_size["64 KB"]))
    page.section(
        "Parsing time, by length of the text",
        "The table shows the milliseconds to parse one completion, by the length of the completion. The column `text` "
        "shows the content of the completion. Toolmark parses each completion twice, in the strict and in the lenient "
        "reading. The time is the sum of both readings.",
        ["dialect", "text", *SIZES],
        rows,
    )
    page.held(
        worst <= 2,
        "The parsing time must grow linearly with the length of the text. A text of 1 MB is 16 times as long as a "
        "text of 64 KB. With linear growth, parsing takes 16 times as long, too. The limit is twice this value, 32 "
        "times",
        f"at most {16 * worst:.1f} times",
    )


def completions(cases: list[Case], dialect: Dialect) -> list[tuple[Case, Completion]]:
    """Return every case with its perfect answer, and with each of its wrong answers."""
    found = []
    for case in cases:
        metric = "validity.call" if case.expect.action == "call" else "timing.restraint"
        found += [(case, answer) for _, answer in [("", perfect(case, dialect)), *planted(metric, case, dialect)]]
    return found


def write_throughput(page: Page, dialects: list[Dialect], count: int) -> None:
    """Measure how many completions are judged per second, and write the section."""
    cases, _ = load_cases(shipped_cases())
    rows: list[list[str]] = []
    slowest = ("", float("inf"))
    for dialect in dialects:
        pairs = list(islice(cycle(completions(list(cases), dialect)), max(count // len(dialects), 1)))

        def judge(pairs: list[tuple[Case, Completion]] = pairs, dialect: Dialect = dialect) -> None:
            for case, completion in pairs:
                grade(case, completion, dialect)

        rate = len(pairs) / seconds(judge)
        rows.append([dialect.name, f"{len(pairs):,}", f"{rate:,.0f}"])
        slowest = min(slowest, (dialect.name, rate), key=lambda found: found[1])
    page.section(
        "Judging",
        "To judge a completion, Toolmark parses its text, compares the calls with the right calls, and validates the "
        f"calls. No tool is run. Some completions are right answers to the {len(cases)} shipped test cases, and some "
        "are wrong answers.",
        ["dialect", "completions", "completions per second"],
        rows,
    )
    page.held(
        slowest[1] >= AIM,
        f"Toolmark must judge at least {AIM:,} completions per second",
        f"{slowest[1]:,.0f} in the slowest dialect, {slowest[0]}",
    )


def main() -> None:
    """Run all measurements, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--completions", type=int, default=100_000, help="number of completions to judge, over all dialects"
    )
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    dialects: list[Dialect] = [load("toolmark.dialects", name)() for name in names("toolmark.dialects")]
    page = Page(HEAD + f"\nMeasured with Python {platform.python_version()} on {platform.machine()}.\n")
    write_throughput(page, dialects, options.completions)
    write_lengths(page, dialects)
    page.finish(options.out)


if __name__ == "__main__":
    main()
